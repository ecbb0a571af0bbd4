//! `bootstrap`: wires AWS's clients, the environment and Lambda's runtime to the library.

use anyhow::Context as _;
use failover_aws::{Aws, ClientSettings};
use failover_engine::{Engine, Names};
use failover_lambda::{HandlerError, Invocation, LambdaResult, handle, metrics, settings};
use jiff::Timestamp;
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde_json::Value;
use tracing_subscriber::EnvFilter;

// The engine waits for AWS most of its time: a thread more would only cost memory.
#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    log_to_stderr();
    let variable = |name: &str| std::env::var(name).ok();
    let names = settings::names(variable);
    // Region and credentials are in the function's environment.
    let aws = Aws::from_environment(&ClientSettings::default()).await.context("AWS's clients can't be built")?;
    tracing::info!(table = names.table, spec_path = names.spec_path, topic = names.topic, "ready");
    let function = service_fn(|event| invoke(&aws, &names, event));
    Box::pin(lambda_runtime::run(function)).await.map_err(anyhow::Error::from_boxed).context("Lambda's runtime ended")
}

/// One JSON object a line, as Lambda's log groups expect; the level by `RUST_LOG` or by Lambda's own setting.
fn log_to_stderr() {
    let level = std::env::var("RUST_LOG").or_else(|_| std::env::var("AWS_LAMBDA_LOG_LEVEL"));
    let filter = EnvFilter::try_new(level.as_deref().unwrap_or("info")).unwrap_or_else(|_| EnvFilter::new("info"));
    // The runtime logs every error once more, in Rust's own notation.
    let filter = match "lambda_runtime::layers::panic=off".parse() {
        Ok(directive) => filter.add_directive(directive),
        Err(_) => filter,
    };
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_span_list(false)
        .with_ansi(false)
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
}

async fn invoke(aws: &Aws, names: &Names, event: LambdaEvent<Value>) -> Result<LambdaResult, Diagnostic> {
    let (payload, context) = event.into_parts();
    let holder = settings::holder(&context.env_config.log_stream, std::process::id(), &context.request_id);
    let engine = Engine::new(aws.clone(), names, holder);
    let outcome = match Timestamp::try_from(context.deadline()) {
        Ok(deadline) => match Invocation::until(deadline, Timestamp::now(), &context.request_id) {
            Ok(invocation) => handle(&engine, payload, invocation).await,
            Err(error) => Err(error),
        },
        Err(error) => return Err(diagnostic("Failover.BadDeadline", error.to_string())),
    };
    let result = match &outcome {
        Ok(result) => Some(result),
        Err(error) => error.result(),
    };
    if let Some(result) = result {
        print_metrics(result, engine.now());
    }
    outcome.map_err(|error: HandlerError| {
        tracing::error!(kind = error.kind(), error = error.text(), "the invocation failed");
        diagnostic(error.kind(), error.text())
    })
}

/// CloudWatch takes metrics from lines of the log that are nothing but the metric's JSON.
fn print_metrics(result: &LambdaResult, now: Timestamp) {
    for line in metrics::lines(result, now) {
        println!("{line}");
    }
}

fn diagnostic(kind: &str, message: String) -> Diagnostic {
    Diagnostic { error_type: kind.to_owned(), error_message: message }
}
