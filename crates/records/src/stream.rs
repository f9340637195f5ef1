//! Long lists that leave row by row.

use crate::answer;
use crate::pre_request::Settings;
use crate::query::{Action, Request};
use crate::service::{PLAN_OUTLIVED, Records, Service};
use crate::values::{Inputs, fill};
use mainstay_base::{Problem, Result};
use mainstay_engine::{Read, RowStream, Step};

impl Records {
    /// The rows of a read in pieces. Counts, pages by key and single objects have no stream.
    /// With it comes what was set for the answer before the first row.
    pub async fn stream(&self, request: Request) -> Result<(Box<dyn RowStream>, Settings)> {
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
    async fn start_stream(&self, request: &Request) -> Result<(Box<dyn RowStream>, Settings)> {
        if request.shape.action != Action::Read || request.after.is_some() || request.shape.count.is_some() {
            return Err(Problem::internal("only a plain read has a stream"));
        }
        let schema = self.schema();
        let plan = self.read_plan(&schema, request)?;
        let context = self.context(&schema, &request.session);
        let inputs = Inputs { literals: &request.literals, ..Inputs::default() };
        let values = fill(&plan.main.parameters, &inputs, &context)?;
        let step = Step { plan: plan.main.plan.clone(), values, format: answer::format(&request.shape) };
        let before = self.pre_request(request)?;
        // The rows are on their way before anything is known of what a step behind them gives: what is set for the
        // answer is asked in a read of its own, and the function runs again in the snapshot of the rows.
        let settings = match &before {
            Some(before) if before.sets_answers() => self.read(request, Vec::new()).await?.1,
            Some(before) => before.refused().map_or(Ok(Vec::new()), Err)?,
            None => Vec::new(),
        };
        let steps: Vec<Step> = before.iter().map(|before| before.step()).chain([step]).collect();
        let timeout = self.settings.stream_timeout;
        let rows = self.store.stream(Read { steps, session: request.session.clone(), timeout }).await?;
        Ok((rows, settings))
    }
}
