import Testing

@testable import Wire

@Suite struct SHA1Tests {
    private func hexadecimal(_ text: [UInt8]) -> String {
        let digest = SHA1.digest(text.span)
        return (0..<20).map { index in
            let digits = String(digest[index], radix: 16)
            return digits.count == 1 ? "0" + digits : digits
        }.joined()
    }

    @Test(arguments: [
        ("abc", 1, "a9993e364706816aba3e25717850c26c9cd0d89d"),
        ("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1, "84983e441c3bd26ebaae4aa1f95129e5e54670f1"),
        // The third vector is a million of these; as many as are allowed here, with the digest that another implementation gives.
        ("a", 65_535, "e1d0a18d43d3a689af088e156bd0434aa0c831fc"),
        ("0123456701234567012345670123456701234567012345670123456701234567", 10, "dea356a2cddd90c7a7ecedc5ebb563934f460452"),
        ("", 1, "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
    ])
    func `the vectors of RFC 3174 give their digests`(text: String, repeated: Int, digest: String) {
        #expect(self.hexadecimal(Array(String(repeating: text, count: repeated).utf8)) == digest)
    }

    @Test(arguments: [
        (55, "c1c8bbdc22796e28c0e15163d20899b65621d65a"), (56, "c2db330f6083854c99d4b5bfb6e8f29f201be699"),
        (63, "03f09f5b158a7a8cdad920bddc29b81c18a551f5"), (64, "0098ba824b5c16427bd7a1122a5a442a25ec644d"),
        (65, "11655326c708d70319be2610e8a57d9a5b959d3b"), (119, "ee971065aaa017e0632a8ca6c77bb3bf8b1dfc56"),
        (120, "f34c1488385346a55709ba056ddd08280dd4c6d6"),
    ])
    func `the padding fits at every edge of a block`(count: Int, digest: String) {
        #expect(self.hexadecimal([UInt8](repeating: 0x61, count: count)) == digest)
    }
}
