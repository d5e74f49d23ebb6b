/// Eight bytes looked at together. Every function here answers a mask with the high bit set in the bytes that match.
///
/// Only the lowest set bit is exact: a borrow may set bits above a true match. All users ask for the first match only.
enum ByteWord {
    static let size = 8
    private static let ones: UInt64 = 0x0101_0101_0101_0101
    private static let highs: UInt64 = 0x8080_8080_8080_8080

    /// The eight bytes at `offset`, the first one lowest. The caller has checked `offset + 8 <= bytes.count`.
    @inline(__always)
    static func load(_ bytes: Span<UInt8>, at offset: Int) -> UInt64 {
        assert(offset >= 0 && offset + self.size <= bytes.count)
        return unsafe UInt64(littleEndian: bytes.bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: UInt64.self))
    }

    /// Bytes equal to `byte`.
    @inline(__always)
    static func matches(_ word: UInt64, _ byte: UInt8) -> UInt64 {
        let difference = word ^ (self.ones &* UInt64(byte))
        return (difference &- self.ones) & ~difference & self.highs
    }

    /// Bytes that end a run of plain string content: quote, backslash, below 0x20, above 0x7F.
    @inline(__always)
    static func stringStops(_ word: UInt64) -> UInt64 {
        let quote = (word ^ (self.ones &* 0x22)) &- self.ones
        let backslash = (word ^ (self.ones &* 0x5C)) &- self.ones
        let control = word &- (self.ones &* 0x20)
        return (quote | backslash | control | word) & self.highs
    }

    /// How many bytes lie before the first match of a mask that is not zero.
    @inline(__always)
    static func firstIndex(_ mask: UInt64) -> Int { mask.trailingZeroBitCount &>> 3 }
}
