// SPDX-License-Identifier: Apache-2.0
//! How long the reference engine takes for each request of some worlds.
//!
//! `cedar-native DIR...`: DIR as bench/cedar/world.py writes it. Everything
//! is read and built before; what is timed is `Authorizer::is_authorized`
//! alone, each request by itself, after one pass that is not timed. One line
//! of JSON for each DIR: times in nanoseconds and the decisions.
use cedar_policy::{
    Authorizer, Context, Decision, Entities, EntityId, EntityTypeName, EntityUid, PolicySet,
    Request, Schema,
};
use serde_json::Value;
use std::{env, fs, hint::black_box, path::Path, str::FromStr, time::Instant};

fn uid(value: &Value) -> EntityUid {
    let kind = EntityTypeName::from_str(value["type"].as_str().expect("type")).expect("type");
    let id = EntityId::new(value["id"].as_str().expect("id"));
    EntityUid::from_type_name_and_id(kind, id)
}

fn schema(folder: &Path) -> Schema {
    match fs::read_to_string(folder.join("schema.cedarschema")) {
        Ok(text) => Schema::from_cedarschema_str(&text).expect("schema").0,
        Err(_) => Schema::from_json_file(
            fs::File::open(folder.join("schema.cedarschema.json")).expect("schema"),
        )
        .expect("schema"),
    }
}

fn request(line: &str, schema: &Schema) -> Request {
    let value: Value = serde_json::from_str(line).expect("request");
    let action = uid(&value["action"]);
    let context = Context::from_json_value(value["context"].clone(), Some((schema, &action)))
        .expect("context");
    Request::new(
        uid(&value["principal"]),
        action,
        uid(&value["resource"]),
        context,
        Some(schema),
    )
    .expect("request")
}

/// What an empty timing costs.
fn empty_ns() -> u64 {
    (0..100_000)
        .map(|_| black_box(Instant::now()).elapsed().as_nanos() as u64)
        .min()
        .unwrap_or(0)
}

fn main() {
    let empty = empty_ns();
    for folder in env::args().skip(1) {
        let folder = Path::new(&folder);
        let schema = schema(folder);
        let policies =
            PolicySet::from_str(&fs::read_to_string(folder.join("policies.cedar")).expect("read"))
                .expect("policies");
        let entities = Entities::from_json_file(
            fs::File::open(folder.join("entities.json")).expect("read"),
            Some(&schema),
        )
        .expect("entities");
        let text = fs::read_to_string(folder.join("requests.jsonl")).expect("read");
        let requests: Vec<Request> = text.lines().map(|line| request(line, &schema)).collect();
        let authorizer = Authorizer::new();
        let decisions: String = requests
            .iter()
            .map(|one| match authorizer.is_authorized(one, &policies, &entities).decision() {
                Decision::Allow => 'a',
                Decision::Deny => 'd',
            })
            .collect();
        let mut times: Vec<u64> = Vec::with_capacity(requests.len());
        for one in &requests {
            let start = Instant::now();
            let response = authorizer.is_authorized(black_box(one), &policies, &entities);
            let took = start.elapsed().as_nanos() as u64;
            black_box(response);
            times.push(took.saturating_sub(empty));
        }
        println!("{}", serde_json::json!({"times": times, "decisions": decisions}));
    }
}
