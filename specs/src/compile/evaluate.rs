//! Evaluates modules with QuickJS, each in a world of its own; what one may use of time, memory and stack is bounded.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rquickjs::{CatchResultExt, CaughtError, Context, Object, Runtime};

use super::walk::Bounds;

/// The heap of one module: the largest of the corpus takes 5 MB.
const MEMORY_LIMIT: usize = 256 << 20;

/// The stack of one module, below the 2 MB that a thread of ours has.
const STACK_LIMIT: usize = 512 << 10;

/// What one module may have: the largest of the corpus has under a million values and 4 MB of source.
pub(super) const BOUNDS: Bounds = Bounds { values: 8_000_000, text: 256 << 20 };

/// What the corpus uses of its host while it is being evaluated.
const PRELUDE: &str = "globalThis.console = Object.fromEntries(\
    ['log','info','warn','error','debug','trace'].map((name) => [name, () => {}]));";

/// A QuickJS that evaluates one module after another.
pub(super) struct Evaluator {
    runtime: Runtime,
    /// Milliseconds after `started` when the running module is out of time.
    deadline: Arc<AtomicU64>,
    started: Instant,
    time_limit: Duration,
}

impl Evaluator {
    /// Starts a QuickJS that gives each module so much time. It stays on this thread.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub(super) fn within(time_limit: Duration) -> rquickjs::Result<Evaluator> {
        let runtime = Runtime::new()?;
        runtime.set_memory_limit(MEMORY_LIMIT);
        runtime.set_max_stack_size(STACK_LIMIT);
        let started = Instant::now();
        let deadline = Arc::new(AtomicU64::new(u64::MAX));
        let limit = Arc::clone(&deadline);
        let expired = move || started.elapsed().as_millis() as u64 > limit.load(Ordering::Relaxed);
        runtime.set_interrupt_handler(Some(Box::new(expired)));
        Ok(Evaluator { runtime, deadline, started, time_limit })
    }

    /// Evaluates a module and hands its namespace to `read`; what goes wrong is described by `explain`.
    ///
    /// # Errors
    /// When the source does not evaluate within its limits, or `read` fails.
    pub(super) fn evaluate<T, E>(
        &self,
        name: &str,
        source: &str,
        read: impl for<'js> FnOnce(&Object<'js>) -> rquickjs::Result<T>,
        explain: impl Fn(&CaughtError<'_>) -> E,
    ) -> Result<T, E> {
        let limit = self.started.elapsed() + self.time_limit;
        self.deadline.store(limit.as_millis() as u64, Ordering::Relaxed);
        let context = Context::full(&self.runtime).map_err(|error| explain(&CaughtError::Error(error)))?;
        context.with(|ctx| {
            let run = || {
                ctx.eval::<(), _>(PRELUDE)?;
                let (module, promise) = rquickjs::Module::declare(ctx.clone(), name, source)?.eval()?;
                promise.finish::<()>()?;
                read(&module.namespace()?)
            };
            run().catch(&ctx).map_err(|error| explain(&error))
        })
    }
}
