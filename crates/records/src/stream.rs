//! Long lists that leave row by row.

use crate::answer;
use crate::query::{Action, Request};
use crate::service::{PLAN_OUTLIVED, Records, Service};
use crate::values::{Inputs, fill};
use mainstay_base::{Problem, Result};
use mainstay_engine::{Read, RowStream, Step};

impl Records {
    /// The rows of a read in pieces. Counts, pages by key and single objects have no stream.
    pub async fn stream(&self, request: Request) -> Result<Box<dyn RowStream>> {
        self.admit_schema(&request)?;
        let service = self.service();
        match service.start_stream(&request).await {
            // A migration came between planning and running: plan again, once.
            Err(problem) if problem.code() == PLAN_OUTLIVED => {
                service.forget();
                service.start_stream(&request).await
            }
            outcome => outcome,
        }
    }
}

impl Service {
    async fn start_stream(&self, request: &Request) -> Result<Box<dyn RowStream>> {
        if request.shape.action != Action::Read || request.after.is_some() || request.shape.count.is_some() {
            return Err(Problem::internal("only a plain read has a stream"));
        }
        let schema = self.schema();
        let plan = self.read_plan(&schema, request)?;
        self.admit(request, std::iter::once(&*plan.main.plan))?;
        let context = self.context(&schema, &request.session);
        let inputs = Inputs { literals: &request.literals, ..Inputs::default() };
        let values = fill(&plan.main.parameters, &inputs, &context)?;
        let step = Step { plan: plan.main.plan.clone(), values, format: answer::format(&request.shape) };
        let read = Read {
            steps: vec![step],
            session: request.session.clone(),
            timeout: self.settings.stream_timeout,
        };
        self.store.stream(read).await
    }
}
