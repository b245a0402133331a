//! An MCP server that the layer protects: its tools act for the calling organization.
//!
//! If a client has no token, it gets 401 with a challenge that names the resource's metadata. The
//! metadata names the issuer of tokens and the scopes. If a token has too few scopes, the client
//! gets 403 with the required ones (MCP authorization, RFC 9728).

use axum::Router;
use http::request::Parts;
use rmcp::handler::server::tool::Extension;
use rmcp::model::{ServerCapabilities, ServerConfig};
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use rmcp::{ErrorData, ServerHandler, tool, tool_handler, tool_router};
use tower_m2m::{ConfigError, RequestExt as _, ResourceMetadata, Verifier};

tower_m2m::scopes! {
    /// The scopes of the MCP server.
    pub McpScopes {
        /// Read invoices.
        ReadInvoices = "read:invoices",
    }
}

/// Returns the server at `/mcp`. Its public URL is `resource`.
pub fn app(verifier: &Verifier, resource: &str) -> Result<Router, ConfigError> {
    let metadata = ResourceMetadata::new(verifier, resource)?
        .scopes(McpScopes::ALL)
        .name("Invoices");
    let mut config = StreamableHttpServerConfig::default();
    // Without sessions, another organization's client cannot take one over. Each request has its
    // own token.
    config.legacy_session_mode = false;
    config.json_response = true;
    let mcp = StreamableHttpService::new(
        || Ok(Invoices),
        LocalSessionManager::default().into(),
        config,
    );
    Ok(Router::new()
        .route_service("/mcp", mcp)
        // A response that is a stream of events ends with its token.
        .route_layer(
            verifier
                .layer()
                .require(ReadInvoices)
                .resource(&metadata)
                .end_streams(),
        )
        .route_service(metadata.path(), metadata.clone()))
}

struct Invoices;

#[tool_router]
impl Invoices {
    /// Lists the invoices of the calling organization.
    #[tool(description = "List the invoices of your organization")]
    fn list_invoices(&self, Extension(parts): Extension<Parts>) -> Result<String, ErrorData> {
        // rmcp passes the request's head to the tool, with the layer's extensions.
        let org = parts
            .org_code()
            .map_err(|_| ErrorData::invalid_request("no valid token of an organization", None))?;
        Ok(format!("invoice 1 of {org}"))
    }
}

#[tool_handler]
impl ServerHandler for Invoices {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }
}
