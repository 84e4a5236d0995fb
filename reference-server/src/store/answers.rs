//! Takes the answers of a commit, or of some questions, to those who wait for them, all of them at once.
//!
//! To wake somebody from another thread costs the runtime a system call each. So the answers of a group go to a task of the
//! runtime in one piece, which wakes their callers from within.

use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::StoreError;
use super::command::Reply;

/// Tells a caller how its command ended, once the commit has succeeded or failed.
pub(super) type Acknowledge = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// An answer that does not depend on the commit. A caller that has gone does not need it.
pub(super) fn told<T: Send + 'static>(reply: Reply<T>, value: Result<T, StoreError>) -> Acknowledge {
    Box::new(move |_| drop(reply.send(value)))
}

/// The answers of one commit, and how it ended.
pub(super) struct Answers {
    pub(super) outcome: Result<(), StoreError>,
    pub(super) callers: Vec<Acknowledge>,
}

impl Answers {
    /// Of callers who know how it ended.
    pub(super) fn of(callers: Vec<Acknowledge>) -> Answers {
        Answers { outcome: Ok(()), callers }
    }

    fn give(self) {
        for caller in self.callers {
            caller(self.outcome.clone());
        }
    }
}

/// The way to the callers.
#[derive(Debug, Default)]
pub(super) struct Answering {
    /// `None`: there was no runtime to begin with.
    task: Option<mpsc::UnboundedSender<Answers>>,
}

impl Answering {
    /// By a task of the runtime that this is called on, as long as it runs.
    pub(super) fn start() -> Answering {
        let Ok(runtime) = Handle::try_current() else { return Answering::default() };
        // As many answers at most as there are commands under way, which are bounded.
        let (task, mut groups) = mpsc::unbounded_channel::<Answers>();
        runtime.spawn(async move {
            while let Some(group) = groups.recv().await {
                group.give();
            }
        });
        Answering { task: Some(task) }
    }

    /// Answers; where the task has ended, from this thread.
    pub(super) fn give(&self, answers: Answers) {
        let unsent = match &self.task {
            Some(task) => task.send(answers).err().map(|unsent| unsent.0),
            None => Some(answers),
        };
        if let Some(answers) = unsent {
            answers.give();
        }
    }
}
