//! stub
pub fn router(_: crate::http::AppState) -> axum::Router {
    axum::Router::new()
}
