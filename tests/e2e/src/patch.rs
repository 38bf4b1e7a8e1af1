//! Components that are wrong in one place: names of the same length are exchanged.

/// Replaces a name everywhere in a component.
#[must_use]
pub fn rename(component: &[u8], from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len(), "lengths are recorded all over a component");
    let mut renamed = component.to_vec();
    let mut count = 0;
    let mut at = 0;
    while at + from.len() <= renamed.len() {
        if renamed[at..].starts_with(from.as_bytes()) {
            renamed[at..at + to.len()].copy_from_slice(to.as_bytes());
            at += to.len();
            count += 1;
        } else {
            at += 1;
        }
    }
    assert!(count > 0, "the component does not mention {from}");
    renamed
}
