//! `m2m explain`: every check of a token, and of a route.

use serde::Serialize;
use tower_m2m::{AuthorizeLayer, Explanation, Rejection, Scope, Verifier};

use crate::arguments::{Access, ExplainOptions};
use crate::exit::{Exit, Failure};
use crate::input;
use crate::output;
use crate::settings::{OUTPUT_VERSION, verifier, wait_for_keys};

#[derive(Serialize)]
struct ExplainReport {
    version: u32,
    #[serde(flatten)]
    explanation: Explanation,
}

pub(crate) async fn run(options: &ExplainOptions) -> Result<Exit, Failure> {
    let verifier = verifier(&options.settings)?;
    let layer = layer(&verifier, options)?;
    let token = input::token()?;
    wait_for_keys(&verifier).await;
    let organization = options.path_org.as_deref();
    let explanation = match (&layer, options.show) {
        (None, false) => verifier.explain(&token).await,
        (None, true) => verifier.explain_with_values(&token).await,
        (Some(layer), false) => layer.explain(&token, organization).await,
        (Some(layer), true) => layer.explain_with_values(&token, organization).await,
    };
    let exit = match explanation.rejection() {
        None => Exit::Accepted,
        Some(
            Rejection::KeysUnavailable { .. }
            | Rejection::KeyUnavailable { .. }
            | Rejection::IntrospectionUnavailable { .. },
        ) => Exit::Undecided,
        Some(_) => Exit::Findings,
    };
    output::print(&if options.settings.json {
        output::json(&ExplainReport {
            version: OUTPUT_VERSION,
            explanation,
        })?
    } else {
        format!("{explanation}\n")
    });
    Ok(exit)
}

/// Returns the layer of the route, or `None` if no option describes a route.
fn layer(verifier: &Verifier, options: &ExplainOptions) -> Result<Option<AuthorizeLayer>, Failure> {
    let describes_route =
        options.access.is_some() || options.path_org.is_some() || !options.require_scope.is_empty();
    if !describes_route {
        return Ok(None);
    }
    let layer = match options.access {
        None | Some(Access::Org) => verifier.layer(),
        Some(Access::Any) => verifier.layer().allow_global(),
        Some(Access::Global) => verifier.layer().only_global(),
    };
    let layer = options
        .require_scope
        .iter()
        .try_fold(layer, |layer, scope| {
            let scope: Scope = scope
                .parse()
                .map_err(|error| Failure::usage(format!("--require-scope {scope}: {error}")))?;
            Ok(layer.require(scope))
        })?;
    Ok(Some(layer))
}
