import Base

/// SHA-1 (RFC 3174), for the one place that asks for it: `Sec-WebSocket-Accept` (RFC 6455 4.2.2). There it is a checksum by which a
/// client sees that the other side speaks WebSocket. It keeps no secret and proves no identity, so its broken collision resistance
/// does not matter; nothing else may use it.
///
/// Written here because this layer links no C library. One pass over at most 64 KiB.
enum SHA1 {
    static let digestBytes = 20

    /// The digest of `bytes`, of which there must be fewer than 64 KiB.
    static func digest(_ bytes: Span<UInt8>) -> InlineArray<20, UInt8> {
        precondition(bytes.count < 65_536, "only for short texts")
        var state = SIMD8<UInt32>(0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476, 0xC3D2_E1F0, 0, 0, 0)
        // One bit, then zeros, then the length in 64 bits, up to a multiple of 64 bytes.
        let blocks = (bytes.count + 8) / 64 + 1
        for block in 0..<blocks {
            Self.update(&state, bytes, at: block * 64, isLast: block == blocks - 1)
        }
        var digest = InlineArray<20, UInt8>(repeating: 0)
        for index in 0..<Self.digestBytes {
            digest[index] = UInt8(truncatingIfNeeded: state[index / 4] >> UInt32(24 - index % 4 * 8))
        }
        return digest
    }

    /// RFC 3174 6.1.
    private static func update(_ state: inout SIMD8<UInt32>, _ bytes: Span<UInt8>, at start: Int, isLast: Bool) {
        var words = InlineArray<80, UInt32>(repeating: 0)
        for index in 0..<64 {
            words[index / 4] |= UInt32(Self.byte(bytes, start + index)) << UInt32(24 - index % 4 * 8)
        }
        if isLast { words[15] |= UInt32(bytes.count * 8) }
        for index in 16..<80 {
            words[index] = Self.rotate(words[index - 3] ^ words[index - 8] ^ words[index - 14] ^ words[index - 16], by: 1)
        }
        var (a, b, c, d, e) = (state[0], state[1], state[2], state[3], state[4])
        for index in 0..<80 {
            let (mixed, constant) = Self.round(index, b, c, d)
            let next = Self.rotate(a, by: 5) &+ mixed &+ e &+ words[index] &+ constant
            (a, b, c, d, e) = (next, a, Self.rotate(b, by: 30), c, d)
        }
        state = state &+ SIMD8(a, b, c, d, e, 0, 0, 0)
    }

    /// RFC 3174 5: the function and the constant of a step.
    private static func round(_ index: Int, _ b: UInt32, _ c: UInt32, _ d: UInt32) -> (UInt32, UInt32) {
        switch index {
        case ..<20: (b & c | ~b & d, 0x5A82_7999)
        case ..<40: (b ^ c ^ d, 0x6ED9_EBA1)
        case ..<60: (b & c | b & d | c & d, 0x8F1B_BCDC)
        default: (b ^ c ^ d, 0xCA62_C1D6)
        }
    }

    /// The byte of the padded text without its length.
    private static func byte(_ bytes: Span<UInt8>, _ index: Int) -> UInt8 {
        if index < bytes.count { return bytes[index] }
        return index == bytes.count ? 0x80 : 0
    }

    private static func rotate(_ word: UInt32, by count: UInt32) -> UInt32 { word << count | word >> (32 - count) }
}
