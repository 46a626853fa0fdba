//! The page, as it stands in the program.

use actix_web::HttpResponse;
use actix_web::web::ServiceConfig;

use super::routes;

/// Path, type and bytes.
const FILES: [(&str, &str, &[u8]); 4] = [
    ("/", "text/html; charset=utf-8", include_bytes!("page/index.html")),
    ("/page.css", "text/css; charset=utf-8", include_bytes!("page/page.css")),
    ("/page.js", "text/javascript; charset=utf-8", include_bytes!("page/page.js")),
    ("/favicon.svg", "image/svg+xml", include_bytes!("page/favicon.svg")),
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
