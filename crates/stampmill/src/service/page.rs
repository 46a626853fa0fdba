//! The page, as it stands in the program.

use actix_web::HttpResponse;
use actix_web::web::ServiceConfig;

use super::routes;

const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

/// Path, type and bytes.
const FILES: [(&str, &str, &[u8]); 17] = [
    ("/api.js", SCRIPT, include_bytes!("page/api.js")),
    ("/dialogs.js", SCRIPT, include_bytes!("page/dialogs.js")),
    ("/favicon.svg", "image/svg+xml", include_bytes!("page/favicon.svg")),
    ("/flow.js", SCRIPT, include_bytes!("page/flow.js")),
    ("/history.js", SCRIPT, include_bytes!("page/history.js")),
    ("/htm.js", SCRIPT, include_bytes!("page/htm.js")),
    ("/html.js", SCRIPT, include_bytes!("page/html.js")),
    ("/", "text/html; charset=utf-8", include_bytes!("page/index.html")),
    ("/marks.js", SCRIPT, include_bytes!("page/marks.js")),
    ("/overview.js", SCRIPT, include_bytes!("page/overview.js")),
    ("/page.css", STYLE, include_bytes!("page/page.css")),
    ("/page.js", SCRIPT, include_bytes!("page/page.js")),
    ("/partitions.js", SCRIPT, include_bytes!("page/partitions.js")),
    ("/pipeline.js", SCRIPT, include_bytes!("page/pipeline.js")),
    ("/preact.js", SCRIPT, include_bytes!("page/preact.js")),
    ("/troubles.js", SCRIPT, include_bytes!("page/troubles.js")),
    ("/words.js", SCRIPT, include_bytes!("page/words.js")),
];

/// Holds nothing, whoever looks at it.
pub(super) fn is_of_it(path: &str) -> bool {
    FILES.iter().any(|(file, ..)| *file == path)
}

pub(super) fn configure(app: &mut ServiceConfig) {
    let resource = |(path, kind, bytes): (&str, &'static str, &'static [u8])| {
        routes::get(path, move || async move { HttpResponse::Ok().content_type(kind).body(bytes) })
    };
    routes::add(app, FILES.map(resource));
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::FILES;

    #[test]
    fn every_file_of_the_folder_is_served() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/service/page");
        let entries = std::fs::read_dir(folder).expect("is there").map(|entry| entry.expect("is readable").file_name());
        let names: BTreeSet<String> = entries.map(|name| name.to_string_lossy().replace("index.html", "")).collect();
        assert_eq!(FILES.iter().map(|(path, ..)| path[1..].to_owned()).collect::<BTreeSet<_>>(), names);
    }
}
