//! Random routes, layers and requests: no organization's token reaches another organization.

use axum::Router;
use axum::extract::RawPathParams;
use axum::routing::get;
use tower::Layer as _;
use tower_m2m::{AuthorizeLayer, Claims};

use super::support::{self, Fixture};

/// A small generator with a fixed seed, so that a failure can be repeated.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }

    fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        *items.get(self.below(items.len())).unwrap()
    }
}

const NAMES: [&str; 9] = [
    "org_code",
    "org",
    "tenantId",
    "Organisation",
    "id",
    "partner",
    "account",
    "mandant",
    "orgchart",
];
const TENANT_NAMES: [&str; 4] = ["org_code", "org", "tenantId", "Organisation"];
const VALUES: [&str; 6] = ["org_a", "org_b", "7", "acme", "org%5Fb", "orgb"];

/// The settings of the layer in one attempt.
#[derive(Debug, Default)]
struct Said {
    compared: Vec<&'static str>,
    ignored: Vec<&'static str>,
    allowed: Vec<&'static str>,
}

fn layer(random: &mut Random, mut layer: AuthorizeLayer) -> (AuthorizeLayer, Said) {
    let mut said = Said::default();
    for _ in 0..random.below(4) {
        let name = random.pick(&NAMES);
        layer = match random.below(4) {
            0 => {
                said.compared.push(name);
                layer.organization_parameter(name)
            }
            1 => {
                said.compared.push(name);
                layer.optional_organization_parameter(name)
            }
            2 => {
                said.ignored.push(name);
                layer.ignore_parameter(name)
            }
            _ => {
                said.allowed.push(name);
                layer.allow_other_organizations_in(name)
            }
        };
    }
    (layer, said)
}

/// Returns the template of a route, and a path that it matches.
fn route(random: &mut Random) -> (String, String, Vec<&'static str>) {
    let (mut template, mut path, mut names) = (String::new(), String::new(), Vec::new());
    let segments = 1 + random.below(4);
    for index in 0..segments {
        let name = random.pick(&NAMES);
        template.push('/');
        path.push('/');
        if names.contains(&name) || random.below(3) == 0 {
            let literal = format!("l{index}");
            template.push_str(&literal);
            path.push_str(&literal);
            continue;
        }
        names.push(name);
        if index + 1 == segments && random.below(4) == 0 {
            template += &["{*", name, "}"].concat();
            path += &[random.pick(&VALUES), random.pick(&VALUES)].join("/");
        } else {
            template += &["{", name, "}"].concat();
            path.push_str(random.pick(&VALUES));
        }
    }
    (template, path, names)
}

async fn echo(params: RawPathParams) -> String {
    let params = params.iter().map(|(name, value)| format!("{name}={value}"));
    params.collect::<Vec<_>>().join("\n")
}

async fn echo_with_claims(_: Claims, params: RawPathParams) -> String {
    echo(params).await
}

/// An organization's token never reaches a handler with another organization's code in a compared,
/// tenant-named or code-shaped parameter, unless the layer names the exception.
#[tokio::test]
async fn random_routes_never_admit_a_foreign_organization() {
    let fixture = Fixture::new();
    let (verifier, token) = (fixture.verifier(), fixture.org("org_a"));
    let mut random = Random(0x13A);
    let mut admitted = 0;
    for attempt in 0..3_000 {
        let (template, path, _) = route(&mut random);
        let (layer, said) = layer(&mut random, verifier.layer());
        let app = match random.below(4) {
            0 => Router::new().route(&template, get(echo).route_layer(layer)),
            1 => Router::new().route(&template, get(echo)).layer(layer),
            2 => Router::new().nest(
                "/v1",
                Router::new().route(&template, get(echo)).route_layer(layer),
            ),
            _ => {
                let routes = Router::new().route(&template, get(echo_with_claims));
                Router::new().fallback_service(layer.layer(routes))
            }
        };
        for path in [path.clone(), format!("/v1{path}")] {
            let (status, _) = support::get(&app, &path, &token).await;
            if status != 200 {
                continue;
            }
            admitted += 1;
            let body = support::text(&app, http::Method::GET, &path, &token).await;
            for (name, value) in body.lines().filter_map(|line| line.split_once('=')) {
                let context = format!("{attempt}: {template} {path} {said:?}");
                let compared = name == "org_code" || said.compared.contains(&name);
                let ignored = said.ignored.contains(&name) || said.allowed.contains(&name);
                assert!(!compared || value == "org_a", "{context}");
                assert!(
                    compared || ignored || !TENANT_NAMES.contains(&name),
                    "{context}"
                );
                let foreign = value.split('/').any(|segment| segment == "org_b");
                assert!(!foreign || said.allowed.contains(&name), "{context}");
            }
        }
    }
    assert!(admitted > 100, "{admitted}");
}
