//! HTTP/1.1 in front of the region.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::control;
use super::invocations::Dispatcher;
use crate::imds;
use crate::protocol::answer::date;
use crate::region::Region;

/// The largest request that any of the services takes (a DynamoDB batch) is 16 MiB.
const LARGEST_BODY_BYTES: usize = 16 * 1024 * 1024;
const CONNECTIONS: usize = 1024;
const HEADERS_WITHIN: Duration = Duration::from_secs(30);
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Takes connections until the task is aborted; they end with it.
pub(super) async fn accept(listener: TcpListener, region: Region, dispatcher: Option<Dispatcher>) {
    let permits = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let Ok(permit) = Arc::clone(&permits).acquire_owned().await else { return };
        while connections.try_join_next().is_some() {}
        match listener.accept().await {
            Ok((stream, _)) => {
                let connection = converse(stream, region.clone(), dispatcher.clone());
                connections.spawn(async move {
                    connection.await;
                    drop(permit);
                });
            }
            Err(error) => {
                // Out of descriptors, most likely: they come back as connections end.
                tracing::warn!(%error, "cannot take a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn converse(stream: TcpStream, region: Region, dispatcher: Option<Dispatcher>) {
    // Without it, small answers wait for the acknowledgement of the last one.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "cannot set TCP_NODELAY");
    }
    let service = service_fn(move |request| answer(request, region.clone(), dispatcher.clone()));
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS_WITHIN)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = connection.await {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// An error here closes the connection without an answer: what a caller sees of a call that got lost.
async fn answer(
    request: Request<Incoming>,
    region: Region,
    dispatcher: Option<Dispatcher>,
) -> Result<Response<Full<Bytes>>, io::Error> {
    let mut response = answer_undated(request, &region, dispatcher.as_ref()).await?;
    // Every answer tells the region's time: hyper would add this machine's.
    if !response.headers().contains_key(http::header::DATE) {
        date(&mut response, region.wall_now());
    }
    Ok(response)
}

async fn answer_undated(
    request: Request<Incoming>,
    region: &Region,
    dispatcher: Option<&Dispatcher>,
) -> Result<Response<Full<Bytes>>, io::Error> {
    let (parts, body) = request.into_parts();
    let body = match Limited::new(body, LARGEST_BODY_BYTES).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => return Ok(too_large()),
        Err(error) => return Err(io::Error::other(error)),
    };
    let request = Request::from_parts(parts, body);
    if request.uri().path().starts_with(control::PREFIX) {
        return Ok(control::answer(&request, region, dispatcher).await.map(Full::new));
    }
    if request.uri().path().starts_with(imds::PREFIX) {
        // An instance that does not run has nobody to answer: the connection closes.
        let nobody = || io::Error::other("no such instance, or it does not run");
        return region.metadata_over_http(&request).map(|response| response.map(Full::new)).ok_or_else(nobody);
    }
    let response = region.call(request).await.map_err(io::Error::other)?;
    Ok(response.map(Full::new))
}

fn too_large() -> Response<Full<Bytes>> {
    let text = "{\"__type\":\"RequestEntityTooLargeException\",\"message\":\"Request size exceeded 16 MiB\"}";
    let mut response = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
    *response.status_mut() = StatusCode::PAYLOAD_TOO_LARGE;
    response
}
