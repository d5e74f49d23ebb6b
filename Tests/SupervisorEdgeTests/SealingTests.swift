import Base
import SupervisorCore
import Testing

@testable import SupervisorEdge

@Suite struct SealingTests {
    private static let purpose = [UInt8]("purpose".utf8)

    private static func functions() throws -> SealFunctions { try StateSeal.functions() }

    private static func sealed(_ functions: SealFunctions, _ plaintext: [UInt8]) -> [UInt8] {
        functions.seal(plaintext.span, Self.purpose.span) ?? []
    }

    @Test(arguments: [0, 1, 15, 16, 17, 31, 250, 4_096, 65_536])
    func `what was sealed is opened again`(count: Int) throws {
        let functions = try Self.functions()
        let plaintext = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        let sealed = Self.sealed(functions, plaintext)
        #expect(sealed.count == count + 28)
        #expect(functions.open(sealed.span, Self.purpose.span) == plaintext)
    }

    @Test func `the same state looks different each time`() throws {
        let functions = try Self.functions()
        let plaintext = [UInt8](repeating: 7, count: 64)
        var seen: Set<[UInt8]> = []
        for _ in 0..<200 { seen.insert(Self.sealed(functions, plaintext)) }
        #expect(seen.count == 200)
        #expect(Set(seen.map { [UInt8]($0.prefix(12)) }).count == 200, "a nonce is never used twice")
    }

    @Test func `every changed bit is noticed`() throws {
        let functions = try Self.functions()
        let plaintext = [UInt8]("a state of a call".utf8)
        let sealed = Self.sealed(functions, plaintext)
        for index in sealed.indices {
            for bit in 0..<8 {
                var altered = sealed
                altered[index] ^= 1 << UInt8(bit)
                #expect(functions.open(altered.span, Self.purpose.span) == nil)
            }
        }
        #expect(functions.open(sealed.span, Self.purpose.span) == plaintext)
    }

    @Test func `what is cut, grown, for another purpose or of another key is not opened`() throws {
        let functions = try Self.functions()
        let plaintext = [UInt8]("a state of a call".utf8)
        let sealed = Self.sealed(functions, plaintext)
        for count in 0..<sealed.count {
            let cut = [UInt8](sealed.prefix(count))
            #expect(functions.open(cut.span, Self.purpose.span) == nil)
        }
        let grown = sealed + [0]
        #expect(functions.open(grown.span, Self.purpose.span) == nil)
        let other = [UInt8]("Purpose".utf8)
        #expect(functions.open(sealed.span, other.span) == nil)
        let stranger = try Self.functions()
        #expect(stranger.open(sealed.span, Self.purpose.span) == nil)
    }

    /// NIST SP 800-38D, test case 16 of the GCM specification: a key, a nonce, associated data, 60 bytes.
    @Test func `it is AES-256-GCM as others know it`() throws {
        func bytes(_ text: String) -> [UInt8] {
            let digits = [UInt8](text.utf8).compactMap { ASCII.hexValue($0) }
            return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
        }
        let key = bytes("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308")
        let sealed =
            bytes("cafebabefacedbaddecaf888")
            + bytes("522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa")
            + bytes("8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662")
            + bytes("76fc6ece0f4e1768cddf8853bb2d551b")
        let associated = bytes("feedfacedeadbeeffeedfacedeadbeefabaddad2")
        let plaintext = bytes(
            "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
                + "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39")
        #expect(StateSeal.open(sealed.span, associated.span, key) == plaintext)
    }
}
