//! Tests against a real PostgreSQL, each with both clients.

mod audit;
mod bypasses;
mod endings;
mod fixes;
mod isolation;
mod naming;
mod routes;
mod server;
mod support;
