//! The description against the program that it describes: each path and method of it.

use boon::{Compiler, Schemas};
use serde_json::Value;

use super::http::{Answer, request};
use super::mill::{JSON, Mill, TOKEN, eventually};

const OPENAPI: &str = include_str!("../../src/service/api/openapi.json");
const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

struct Operation<'a> {
    path: String,
    method: String,
    described: &'a Value,
}

fn document() -> Value {
    serde_json::from_str(OPENAPI).expect("is JSON")
}

fn operations(document: &Value) -> Vec<Operation<'_>> {
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().expect("has paths") {
        for (method, described) in
            item.as_object().expect("has methods").iter().filter(|(name, _)| *name != "parameters")
        {
            operations.push(Operation { path: path.clone(), method: method.to_uppercase(), described });
        }
    }
    operations
}

/// That the answer is one of those that are described, with a body as described.
fn check(document: &Value, operation: &Operation<'_>, answer: &Answer) {
    let Operation { path, method, described } = operation;
    let mut response = &described["responses"][answer.status.to_string()];
    if let Some(shared) = response["$ref"].as_str() {
        response = document.pointer(&shared[1..]).expect("a response that is shared");
    }
    let schema = &response["content"]["application/json"]["schema"];
    assert!(schema.is_object(), "{method} {path} does not describe {answer:?}");
    if let Some(name) = schema["$ref"].as_str() {
        fits(document, name, answer);
    }
    assert!(answer.head.contains("content-type: application/json"), "{answer:?}");
    assert!(answer.head.contains("cache-control: no-store"), "{answer:?}");
}

/// `name` as `#/components/schemas/Error`.
fn fits(document: &Value, name: &str, answer: &Answer) {
    let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
    compiler.add_resource("openapi.json", document.clone()).expect("has a name");
    let index = compiler.compile(&format!("openapi.json{name}"), &mut schemas).expect("is a schema");
    let found = answer.json();
    if let Err(error) = schemas.validate(&found, index) {
        panic!("{error:#}\n{found:#}");
    }
}

impl Operation<'_> {
    fn ask(&self, mill: &Mill, name: &str, headers: &[&str], body: &str) -> Answer {
        request(&mill.admin, &self.method, &self.path.replace("{name}", name), headers, body)
    }

    fn example(&self) -> String {
        let example = &self.described["requestBody"]["content"]["application/json"]["example"];
        assert!(example.is_object(), "{} has an example", self.path);
        example.to_string()
    }
}

#[test]
fn each_operation_answers_as_it_is_described() {
    let (document, mill) = (document(), Mill::start("openapi", ""));
    mill.send(&["{}", "{}", "nonsense"]);
    mill.await_count("dead_letters", 1);
    let operations = operations(&document);
    assert!(operations.len() >= 13, "all of them are looked at");
    for operation in &operations {
        let is_post = operation.method == "POST";
        if operation.path.ends_with("/skip") {
            // Where the record is that the example leaves out.
            assert_eq!(mill.post("/api/pipelines/p/pause", "{}").status, 200);
            let to = "{\"topic\":\"bank-transactions\",\"partition\":0,\"to\":{\"offset\":0}}";
            assert_eq!(mill.post("/api/pipelines/p/seek", to).status, 200);
        }
        let answer = match is_post {
            true => operation.ask(&mill, "p", &[TOKEN, JSON], &operation.example()),
            false => operation.ask(&mill, "p", &[], ""),
        };
        assert_eq!(answer.status, 200, "{} {}: {answer:?}", operation.method, operation.path);
        check(&document, operation, &answer);

        if operation.path.contains("{name}") {
            let body = if is_post { operation.example() } else { String::new() };
            let answer = operation.ask(&mill, "nobody", &[TOKEN, JSON], &body);
            assert_eq!((answer.status, answer.error().as_str()), (404, "no pipeline `nobody`; those that run are `p`"));
            check(&document, operation, &answer);
        }
        if is_post {
            refuses_what_is_wrong(&document, operation, &mill);
        }
    }
    assert_eq!(mill.post("/api/pipelines/p/resume", "{}").status, 200);
    mill.send(&["{}"]);
    eventually("all of it", || (mill.get("/api/pipelines/p").json()["partitions"][0]["watermark"] == 4).then_some(()));
}

fn refuses_what_is_wrong(document: &Value, operation: &Operation<'_>, mill: &Mill) {
    let (example, large) = (operation.example(), format!("{{\"a\":\"{}\"}}", "a".repeat(70_000)));
    for (status, headers, body) in [
        (401, &[JSON][..], example.as_str()),
        (401, &[JSON, "Authorization: Bearer another"], &example),
        (403, &[TOKEN, JSON, "Origin: http://evil.org"], &example),
        (403, &[TOKEN, JSON, "Host: evil.org"], &example),
        (415, &[TOKEN], &example),
        (415, &[TOKEN, "Content-Type: text/plain"], &example),
        (415, &[TOKEN], ""),
        (400, &[TOKEN, JSON], "{"),
        (400, &[TOKEN, JSON], "[1]"),
        (400, &[TOKEN, JSON], "null"),
        (400, &[TOKEN, JSON], "{\"nonsense\": 1}"),
        (400, &[TOKEN, JSON], "{\"topic\": 5, \"filter\": 5}"),
        (413, &[TOKEN, JSON], &large),
    ] {
        let answer = operation.ask(mill, "p", headers, body);
        assert_eq!(answer.status, status, "{} with {headers:?} {body:.40}: {answer:?}", operation.path);
        check(document, operation, &answer);
    }
}

#[test]
fn other_methods_and_paths_are_refused() {
    let (document, mill) = (document(), Mill::start("methods", ""));
    let operations = operations(&document);
    for path in document["paths"].as_object().expect("has paths").keys() {
        for method in METHODS {
            if operations.iter().any(|operation| operation.path == *path && operation.method == method) {
                continue;
            }
            let answer = request(&mill.admin, method, &path.replace("{name}", "p"), &[TOKEN, JSON], "");
            assert_eq!(answer.status, 405, "{method} {path}: {answer:?}");
            assert!(answer.head.contains("\nallow: "), "{answer:?}");
            fits(&document, "#/components/schemas/Error", &answer);
        }
    }
    for path in
        ["/api", "/api/", "/api/nothing", "/api/pipelines/p/nothing", "/livez", "/metrics", "/../etc/passwd", "/%00"]
    {
        let answer = mill.get(path);
        assert_eq!(answer.status, 404, "{path}: {answer:?}");
        fits(&document, "#/components/schemas/Error", &answer);
    }
    for (method, path, status) in [("POST", "/livez", 405), ("GET", "/api/pipelines", 404), ("GET", "/", 404)] {
        assert_eq!(request(&mill.probes, method, path, &[], "").status, status, "{method} {path}");
    }
    let head = request(&mill.admin, "HEAD", "/api/pipelines", &[], "");
    assert_eq!((head.status, head.body.as_str()), (200, ""));
}
