use super::*;

/// Every length around the end of the stack, in parts of different lengths.
#[test]
fn parts_of_any_length_are_one_string() {
    for part in [1, 7, 255, 256, 257, 600] {
        let (mut bytes, mut expected) = (ShortBytes::new(), Vec::new());
        assert_eq!(bytes.as_bytes(), b"");
        while expected.len() < 1_200 {
            let next: Vec<u8> = (0..part)
                .map(|at| u8::try_from((expected.len() + at) % 251).unwrap())
                .collect();
            bytes.push(&next);
            bytes.push(&[]);
            expected.extend(next);
            assert_eq!(bytes.as_bytes(), expected, "{part}, {}", expected.len());
        }
    }
}
