//! A caller's [`Work`], run to its end on the writer's thread within the transaction of its group.
//!
//! The work is a future that waits for nothing but its transaction. So it is polled here; whenever it waits, what it
//! asked for lies in the [`Exchange`], is carried out, and the work is polled again.

use crate::kept;
use crate::operation::Outcome;
use crate::plan::runnable;
use crate::problems;
use crate::raw;
use crate::rows::RowWriter;
use crate::run::run_plan;
use crate::scope::{self, Limit};
use crate::writer::Writer;
use mainstay_base::{Problem, Result};
use mainstay_engine::{BoxFuture, Kept, PlanKind, Read, Rows, Transaction, Work, Write, Written};
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context as TaskContext, Poll, Waker};
use std::time::Instant;

/// What a work asks for.
enum Command {
    Read(Read),
    Write(Write),
    Get(String),
    Keep(Kept),
}

enum Answer {
    Rows(Vec<Rows>),
    Written(Written),
    Found(Option<Vec<u8>>),
    Done,
}

/// Where a work and the writer leave things for each other.
#[derive(Default)]
struct Exchange(Mutex<Slot>);

#[derive(Default)]
enum Slot {
    #[default]
    Empty,
    Asked(Box<Command>),
    Answered(Result<Answer>),
    Over,
}

impl Exchange {
    fn put(&self, slot: Slot) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = slot;
    }

    fn take(&self) -> Slot {
        let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &*slot {
            Slot::Over => Slot::Over,
            _ => std::mem::take(&mut *slot),
        }
    }

    async fn ask(&self, command: Command) -> Result<Answer> {
        let misused = || Err(Problem::internal("a transaction was asked for two things at once"));
        match self.take() {
            Slot::Empty => self.put(Slot::Asked(Box::new(command))),
            Slot::Over => return Err(Problem::internal("the transaction is over")),
            Slot::Asked(_) | Slot::Answered(_) => return misused(),
        }
        poll_fn(|_| match self.take() {
            Slot::Answered(answer) => Poll::Ready(answer),
            Slot::Over => Poll::Ready(Err(Problem::internal("the transaction is over"))),
            other => {
                self.put(other);
                Poll::Pending
            }
        })
        .await
    }
}

fn confused<T>() -> Result<T> {
    Err(Problem::internal("a transaction answered something else"))
}

impl Transaction for Exchange {
    fn read(&self, read: Read) -> BoxFuture<'_, Result<Vec<Rows>>> {
        Box::pin(async move {
            match self.ask(Command::Read(read)).await? {
                Answer::Rows(rows) => Ok(rows),
                _ => confused(),
            }
        })
    }

    fn write(&self, write: Write) -> BoxFuture<'_, Result<Written>> {
        Box::pin(async move {
            match self.ask(Command::Write(write)).await? {
                Answer::Written(written) => Ok(written),
                _ => confused(),
            }
        })
    }

    fn kept(&self, key: &str) -> BoxFuture<'_, Result<Option<Vec<u8>>>> {
        let key = key.to_owned();
        Box::pin(async move {
            match self.ask(Command::Get(key)).await? {
                Answer::Found(found) => Ok(found),
                _ => confused(),
            }
        })
    }

    fn keep(&self, kept: Kept) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            match self.ask(Command::Keep(kept)).await? {
                Answer::Done => Ok(()),
                _ => confused(),
            }
        })
    }
}

/// How the conversation with a work ended.
enum Ended {
    Well,
    Refused(Problem),
    /// The transaction of the whole group is gone.
    Lost(Problem),
}

impl Writer {
    /// Runs a work as one write of its group; never unwinds.
    pub(crate) fn run_work(&mut self, work: &dyn Work, rollback: bool, deadline: Instant) -> Outcome {
        if Instant::now() >= deadline {
            return Outcome::Refused(problems::timed_out());
        }
        let first_row = scope::with_capture(|capture| capture.rows.len()).unwrap_or(0);
        let context = self.shared.context(&self.catalog, &Arc::default());
        self.last_transaction = context.transaction_time.max(self.last_transaction + 1);
        self.work_began = Some(context.transaction_time);
        self.worked = true;
        let outcome = catch_unwind(AssertUnwindSafe(|| self.carry_out(work, rollback, deadline)));
        self.work_began = None;
        let outcome = outcome.unwrap_or_else(|_| {
            raw::reset_all(self.connection.raw());
            Outcome::Lost(Problem::internal("a transaction failed inside the engine; nothing of it was kept"))
        });
        if !matches!(outcome, Outcome::Kept(_)) || rollback {
            scope::with_capture(|capture| capture.rows.truncate(first_row));
        }
        match outcome {
            Outcome::Refused(problem) if !self.connection.in_transaction() => Outcome::Lost(problem),
            outcome => outcome,
        }
    }

    fn carry_out(&mut self, work: &dyn Work, rollback: bool, deadline: Instant) -> Outcome {
        let problem = |failure| problems::of_failure(&failure, None);
        if let Err(failure) = self.connection.execute("SAVEPOINT work", &[]) {
            return Outcome::Refused(problem(failure));
        }
        let exchange = Arc::new(Exchange::default());
        let mut ended = self.converse(work, &exchange, deadline);
        exchange.put(Slot::Over);
        if matches!(ended, Ended::Well) && raw::has_deferred_violations(self.connection.raw()) {
            let words = "insert, update or delete violates a foreign key constraint that was deferred";
            ended = Ended::Refused(Problem::new("23503", words));
        }
        let undo = match &ended {
            Ended::Lost(problem) => return Outcome::Lost(problem.clone()),
            Ended::Refused(_) if !self.connection.in_transaction() => false,
            Ended::Refused(_) => true,
            Ended::Well => rollback,
        };
        if undo && let Err(failure) = self.connection.execute("ROLLBACK TO work", &[]) {
            return Outcome::Lost(problem(failure));
        }
        if undo {
            // Tables that the work's plans put rows aside in were made within it.
            self.connection.forget_scratch();
        }
        if self.connection.in_transaction()
            && let Err(failure) = self.connection.execute("RELEASE work", &[])
        {
            return Outcome::Lost(problem(failure));
        }
        match ended {
            Ended::Refused(problem) => Outcome::Refused(problem),
            _ => Outcome::Kept(Written::default()),
        }
    }

    fn converse(&mut self, work: &dyn Work, exchange: &Arc<Exchange>, deadline: Instant) -> Ended {
        let transaction: Arc<dyn Transaction> = Arc::<Exchange>::clone(exchange);
        let mut running = work.run(transaction);
        let mut context = TaskContext::from_waker(Waker::noop());
        loop {
            match running.as_mut().poll(&mut context) {
                Poll::Ready(Ok(())) => return Ended::Well,
                Poll::Ready(Err(problem)) => return Ended::Refused(problem),
                Poll::Pending => {}
            }
            let Slot::Asked(command) = exchange.take() else {
                return Ended::Refused(Problem::internal("a transaction's work waits for something else"));
            };
            match self.obey(*command, deadline) {
                Ok(answer) => exchange.put(Slot::Answered(answer)),
                Err(problem) => return Ended::Lost(problem),
            }
        }
    }

    /// Carries out what a work asked for. An error takes the whole transaction with it.
    fn obey(&mut self, command: Command, deadline: Instant) -> Result<Result<Answer>> {
        Ok(match command {
            Command::Read(read) => self.read_within(&read, deadline).map(Answer::Rows),
            Command::Write(write) => match self.run_write(&write, deadline) {
                Outcome::Kept(written) => Ok(Answer::Written(written)),
                Outcome::Refused(problem) => Err(problem),
                Outcome::Lost(problem) => return Err(problem),
            },
            Command::Get(key) => {
                let now = self.shared.env.unix_micros();
                kept::get(&mut self.connection, &key, now).map(Answer::Found)
            }
            Command::Keep(kept) => {
                let (now, most) = (self.shared.env.unix_micros(), self.shared.settings.kept_max);
                kept::put(&mut self.connection, &kept, now, most)
                    .map(|()| Answer::Done)
                    .map_err(|failure| problems::of_failure(&failure, None))
            }
        })
    }

    fn read_within(&mut self, read: &Read, deadline: Instant) -> Result<Vec<Rows>> {
        let mut context = self.shared.context(&self.catalog, &read.session);
        context.transaction_time = self.work_began.unwrap_or(context.transaction_time);
        let _frame = self.enter(&context);
        scope::set_limit(Limit { steps: u64::MAX, deadline: Some(deadline) });
        let mut results = Vec::with_capacity(read.steps.len());
        for step in &read.steps {
            if step.plan.catalog_version != self.catalog.version {
                return Err(problems::stale_plan());
            }
            if step.plan.kind != PlanKind::Read {
                return Err(Problem::new("25006", "cannot write in a read-only transaction"));
            }
            let plan = runnable(&step.plan, self.shared.number, &read.session)?;
            let mut rows = Rows::default();
            let mut writer = RowWriter::new(step.format, &plan.shape, &mut rows);
            run_plan(&mut self.connection, plan, &step.values, &context, &mut writer)
                .map_err(|failed| self.explain_read(failed, plan, &step.values, &context))?;
            writer.finish();
            results.push(rows);
        }
        Ok(results)
    }
}
