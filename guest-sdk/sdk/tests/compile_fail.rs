//! What the macros say about mistakes. After a change of wording: `TRYBUILD=overwrite cargo test`.

#[test]
fn mistakes_are_explained() {
    trybuild::TestCases::new().compile_fail("tests/compile_fail/*.rs");
}
