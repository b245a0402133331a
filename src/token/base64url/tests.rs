use super::*;

/// Rules 107, 118: a thumbprint has one spelling.
#[test]
fn only_the_canonical_spelling_of_32_bytes_is_decoded() {
    let zeros = "A".repeat(43);
    assert_eq!(decode_32_bytes(&zeros), Some([0; 32]));
    let ones = format!("{}8", "_".repeat(42));
    assert_eq!(decode_32_bytes(&ones), Some([255; 32]));
    // Unused bits that are not zero, other lengths, padding, another alphabet, and white space.
    let unused_bits = format!("{}B", "A".repeat(42));
    let padded = format!("{zeros}=");
    let [shorter, longer] = [42, 44].map(|length| "A".repeat(length));
    let (other, space) = ("+".repeat(43), format!("{} ", "A".repeat(42)));
    for text in ["", &unused_bits, &padded, &shorter, &longer, &other, &space] {
        assert_eq!(decode_32_bytes(text), None, "{text}");
    }
}
