use super::siphash128;

/// The key of the reference code: the bytes 0 to 15.
const KEY: [u64; 2] = [0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908];

/// Rule 179.
///
/// The results of the reference code for the bytes 0, 1, 2 and so on, up to 63 bytes, and those of
/// OpenSSL for longer inputs.
#[test]
fn results_equal_those_of_the_reference_code() {
    for (len, expected) in [
        (0, 0xa381_7f04_ba25_a8e6_6df6_7214_c755_0293_u128),
        (1, 0xda87_c1d8_6b99_af44_3476_5911_9b22_fc45_u128),
        (2, 0x8177_228d_a4a4_5dc7_fca3_8bde_f60a_ffe4_u128),
        (3, 0x9c70_b60c_5267_a94e_5f33_b6b0_2985_ed51_u128),
        (7, 0xa1f1_ebbe_d8db_c153_c0b8_4aa6_1ff0_8239_u128),
        (8, 0x3b62_a9ba_6258_f561_0f83_e264_f314_97b4_u128),
        (15, 0x5493_e999_33b0_a811_7e08_ec0f_97cf_c3d9_u128),
        (16, 0x6ee2_a4ca_67b0_54bb_fd33_15bf_8523_0577_u128),
        (31, 0x2939_b018_3223_fafc_1723_de4f_52c4_3d35_u128),
        (36, 0x3dc4_7d1f_29c4_4846_1e9e_76ed_904f_6711_u128),
        (43, 0x27d9_3437_efb7_21aa_4018_21dc_ec5a_df89_u128),
        (63, 0x5150_d177_2f50_834a_503e_069a_973f_bd7c_u128),
        (255, 0x1c9b_b675_2816_5f8e_4682_48e3_799b_0eab_u128),
        (256, 0x67a0_0304_d383_4c46_12ea_ee7b_5f57_9acb_u128),
        (300, 0xce00_5a40_6d14_b36d_5386_b5f7_a7e1_b311_u128),
    ] {
        let bytes: Vec<u8> = (0..=255).cycle().take(len).collect();
        let [first, second] = siphash128(KEY, &bytes);
        let found = [first.to_le_bytes(), second.to_le_bytes()].concat();
        assert_eq!(found, expected.to_be_bytes(), "{len}");
    }
}

#[test]
fn each_bit_of_key_and_input_changes_the_result() {
    let input = [0x55; 43];
    let result = siphash128(KEY, &input);
    for bit in 0..128 {
        let mut key = KEY;
        key[bit / 64] ^= 1 << (bit % 64);
        assert_ne!(siphash128(key, &input), result, "{bit}");
    }
    for bit in 0..8 * input.len() {
        let mut other = input;
        other[bit / 8] ^= 1 << (bit % 8);
        assert_ne!(siphash128(KEY, &other), result, "{bit}");
    }
}
