//! The web page of the admin port: the files of `runtime/ui`, built into the binary.
//!
//! Everything below `/ui/VERSION/` is a file of this version and never changes, so browsers keep it. Every
//! other path below `/ui/` is a place within the page and answers with the page itself. Nobody needs a
//! token for the files: what the page shows comes from the API, which asks for one.

use axum::Router;
use axum::extract::Request;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::sync::LazyLock;

struct Asset {
    path: &'static str,
    text: &'static str,
}

macro_rules! assets {
    ($($path:literal)*) => {
        [$(Asset { path: $path, text: include_str!(concat!("../../../ui/", $path)) }),*]
    };
}

static PAGE: &str = include_str!("../../../ui/index.html");

/// Every file but the page.
static ASSETS: &[Asset] = &assets! {
    "css/base.css"
    "css/controls.css"
    "css/data.css"
    "css/journal.css"
    "css/screens.css"
    "css/shell.css"
    "css/tokens.css"
    "icon.svg"
    "js/boot.js"
    "js/lib/api.js"
    "js/lib/axis.js"
    "js/lib/causes.js"
    "js/lib/csv.js"
    "js/lib/dom.js"
    "js/lib/filters.js"
    "js/lib/journal.js"
    "js/lib/json.js"
    "js/lib/keyboard.js"
    "js/lib/listing.js"
    "js/lib/pager.js"
    "js/lib/payload.js"
    "js/lib/resources.js"
    "js/lib/route.js"
    "js/lib/schema.js"
    "js/lib/screen.js"
    "js/lib/store.js"
    "js/lib/text.js"
    "js/lib/theme.js"
    "js/lib/time.js"
    "js/lib/types.js"
    "js/main.js"
    "js/parts/basics.js"
    "js/parts/code-line.js"
    "js/parts/help.js"
    "js/parts/icons.js"
    "js/parts/journal-view.js"
    "js/parts/json-view.js"
    "js/parts/overlay.js"
    "js/parts/schema-form.js"
    "js/parts/schema-view.js"
    "js/parts/shell.js"
    "js/parts/status.js"
    "js/parts/statusbar.js"
    "js/parts/timeline.js"
    "js/parts/vlist.js"
    "js/screens/all.js"
    "js/screens/bulk.js"
    "js/screens/call-form.js"
    "js/screens/check-report.js"
    "js/screens/deployment.js"
    "js/screens/deployments.js"
    "js/screens/invocation-actions.js"
    "js/screens/invocation-children.js"
    "js/screens/invocation-facts.js"
    "js/screens/invocation-journal.js"
    "js/screens/invocation-logs.js"
    "js/screens/invocation-row.js"
    "js/screens/invocation-trouble.js"
    "js/screens/invocation-waiting.js"
    "js/screens/invocation.js"
    "js/screens/invocations.js"
    "js/screens/login.js"
    "js/screens/object-edit.js"
    "js/screens/object.js"
    "js/screens/objects.js"
    "js/screens/overview-stuck.js"
    "js/screens/overview.js"
    "js/screens/service-words.js"
    "js/screens/service.js"
    "js/screens/services.js"
    "js/screens/settings-fields.js"
    "js/screens/settings.js"
    "js/screens/sql-presets.js"
    "js/screens/sql.js"
    "js/screens/upload.js"
};

/// Scripts and styles come from here, requests go here, nobody frames the page, and no text becomes markup.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
     require-trusted-types-for 'script'; trusted-types 'none'";

/// A page may be kept, but is asked for again; a file of a version never changes.
const ASK_AGAIN: &str = "no-cache";
const FOR_GOOD: &str = "public, max-age=31536000, immutable";

/// Names all the files: another one when any of them changes.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    let mut digest = Sha256::new();
    for asset in ASSETS.iter().chain([&Asset { path: "index.html", text: PAGE }]) {
        digest.update(asset.path);
        digest.update([0]);
        digest.update(asset.text);
        digest.update([0]);
    }
    hex(&digest.finalize()[..6])
});

/// The page with the version in its links, and with links to all modules, so that they come at once
/// and not one after the other as they are found.
static RENDERED: LazyLock<String> = LazyLock::new(|| {
    let modules =
        ASSETS.iter().filter(|asset| asset.path.ends_with(".js") && !asset.path.ends_with("boot.js"));
    let mut preload = String::new();
    for module in modules {
        let _ = writeln!(preload, r#"<link rel="modulepreload" href="/ui/@version@/{}">"#, module.path);
    }
    PAGE.replace("<!--@preload@-->\n", &preload).replace("@version@", &VERSION)
});

/// Returns the routes of the page.
pub fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    let to_page = || async { Redirect::permanent("/ui/") };
    Router::new()
        .route("/", get(to_page))
        .route("/ui", get(to_page))
        .route("/ui/", get(serve))
        .route("/ui/{*path}", get(serve))
}

async fn serve(request: Request) -> Response {
    let (text, content_type, caching) = find(request.uri().path());
    let etag = etag(text);
    let headers = [
        (header::CONTENT_TYPE, content_type),
        (header::CACHE_CONTROL, caching),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    let is_known = is_known(request.headers(), &etag);
    let etag = [(header::ETAG, HeaderValue::try_from(etag).expect("a digest is ASCII"))];
    if is_known {
        return (StatusCode::NOT_MODIFIED, etag, headers).into_response();
    }
    (etag, headers, text).into_response()
}

/// Returns text, type and how long it may be kept.
fn find(path: &str) -> (&'static str, &'static str, &'static str) {
    let below = path.strip_prefix("/ui/").unwrap_or_default();
    let (version, file) = below.split_once('/').unwrap_or_default();
    match ASSETS.iter().find(|asset| asset.path == file) {
        Some(asset) if version == *VERSION => (asset.text, content_type(asset.path), FOR_GOOD),
        // A page that was loaded from an older server looks for the rest of its files.
        Some(asset) => (asset.text, content_type(asset.path), ASK_AGAIN),
        None => (RENDERED.as_str(), "text/html; charset=utf-8", ASK_AGAIN),
    }
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.') {
        Some((_, "js")) => "text/javascript; charset=utf-8",
        Some((_, "css")) => "text/css; charset=utf-8",
        Some((_, "svg")) => "image/svg+xml",
        _ => "text/plain; charset=utf-8",
    }
}

fn etag(text: &str) -> String {
    format!("\"{}\"", hex(&Sha256::digest(text)[..12]))
}

fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    let known = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let mut tags = known.flat_map(|value| value.split(','));
    tags.any(|tag| matches!(tag.trim().trim_start_matches("W/"), tag if tag == etag || tag == "*"))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use std::path::{Path, PathBuf};
    use tower::ServiceExt;

    fn files(folder: &Path, into: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { files(&path, into) } else { into.push(path) }
        }
    }

    #[test]
    fn every_file_of_the_folder_is_served() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ui");
        let mut found = Vec::new();
        files(&folder, &mut found);
        let names =
            found.iter().map(|path| path.strip_prefix(&folder).unwrap().to_string_lossy().into_owned());
        let mut names: Vec<String> = names.filter(|name| name != "index.html").collect();
        names.sort();
        let listed: Vec<&str> = ASSETS.iter().map(|asset| asset.path).collect();
        assert_eq!(names, listed, "the list in ui.rs is sorted and complete");
    }

    async fn ask(path: &str, known: Option<&str>) -> Response {
        let mut request = Request::get(path);
        if let Some(known) = known {
            request = request.header(header::IF_NONE_MATCH, known);
        }
        router::<()>().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
    }

    fn header<'a>(response: &'a Response, name: &str) -> &'a str {
        response.headers().get(name).map_or("", |value| value.to_str().unwrap())
    }

    #[tokio::test]
    async fn places_lead_to_the_page_and_files_to_themselves() {
        let version = VERSION.as_str();
        let file = |path: &str| format!("/ui/{version}/{path}");
        let cases = [
            ("/".into(), 308, ""),
            ("/ui".into(), 308, ""),
            ("/ui/".into(), 200, "text/html; charset=utf-8"),
            ("/ui/invocations;status=paused".into(), 200, "text/html; charset=utf-8"),
            ("/ui/objects/S;key=%2F..%2Fjs%2Fmain.js".into(), 200, "text/html; charset=utf-8"),
            (file("js/main.js"), 200, "text/javascript; charset=utf-8"),
            (file("css/base.css"), 200, "text/css; charset=utf-8"),
            (file("icon.svg"), 200, "image/svg+xml"),
            (file("js/../../../Cargo.toml"), 200, "text/html; charset=utf-8"),
        ];
        for (path, status, content_type) in cases {
            let response = ask(&path, None).await;
            let found = (response.status().as_u16(), header(&response, "content-type"));
            assert_eq!(found, (status, content_type), "{path}");
            if status == 308 {
                assert_eq!(header(&response, "location"), "/ui/");
            }
        }
    }

    #[tokio::test]
    async fn what_is_known_is_not_sent_again() {
        let (page, old) = ("/ui/services", "/ui/0123456789ab/js/main.js");
        let current = format!("/ui/{}/js/main.js", *VERSION);
        for (path, caching) in [(page, ASK_AGAIN), (old, ASK_AGAIN), (&current, FOR_GOOD)] {
            let first = ask(path, None).await;
            assert_eq!(header(&first, "cache-control"), caching, "{path}");
            let etag = header(&first, "etag");
            assert!(etag.len() > 10);
            let again = ask(path, Some(&format!("\"x\", W/{etag}"))).await;
            assert_eq!((again.status().as_u16(), header(&again, "etag")), (304, etag));
            assert_eq!(ask(path, Some("\"x\"")).await.status(), 200);
        }
    }

    #[tokio::test]
    async fn the_page_runs_nothing_of_others() {
        let response = ask("/ui/", None).await;
        let policy = header(&response, "content-security-policy");
        for part in
            ["default-src 'none'", "script-src 'self';", "connect-src 'self';", "frame-ancestors 'none'"]
        {
            assert!(policy.contains(part), "{policy}");
        }
        assert!(!policy.contains("unsafe"));
        let page = RENDERED.as_str();
        assert!(!page.contains('@') && page.matches("modulepreload").count() > 30);
        for outside in ["http://", "https://", "//", "<script>", "style=", "onclick"] {
            assert!(!page.contains(outside), "the page has {outside}");
        }
    }
}
