import Base

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

    /// The at most eight bytes at `range`, the first one lowest and zeros above the last one.
    @inline(__always)
    static func load(_ bytes: Span<UInt8>, _ range: ByteRange) -> UInt64 {
        let count = range.count
        if bytes.count &- range.lowerBound >= self.size {
            let word = self.load(bytes, at: range.lowerBound)
            return count >= self.size ? word : word & ((1 &<< (UInt64(truncatingIfNeeded: count) &* 8)) &- 1)
        }
        return self.loadShort(bytes, range)
    }

    /// For a range that starts in the last eight bytes.
    private static func loadShort(_ bytes: Span<UInt8>, _ range: ByteRange) -> UInt64 {
        if bytes.count >= self.size, range.lowerBound < bytes.count {
            let behind = self.size &- (bytes.count &- range.lowerBound)
            let word = self.load(bytes, at: bytes.count &- self.size) &>> (UInt64(truncatingIfNeeded: behind) &* 8)
            return word & ((1 &<< (UInt64(truncatingIfNeeded: range.count) &* 8)) &- 1)
        }
        var word: UInt64 = 0
        for offset in range.range.reversed() { word = word << 8 | UInt64(bytes[offset]) }
        return word
    }

    /// The word that `load` gives for the text of a literal of at most eight bytes.
    @inline(__always)
    static func literal(_ text: StaticString) -> UInt64 {
        var word: UInt64 = 0
        for index in 0..<text.utf8CodeUnitCount {
            word |= UInt64(unsafe text.utf8Start[index]) &<< (UInt64(truncatingIfNeeded: index) &* 8)
        }
        return word
    }

    /// Whether the bytes from `offset` on start with `text`. The caller has checked that so many exist.
    ///
    /// Reads both sides with two loads that overlap, so that no length needs a loop over bytes.
    @inline(__always)
    static func matches(_ bytes: Span<UInt8>, at offset: Int, _ text: StaticString) -> Bool {
        let count = text.utf8CodeUnitCount
        assert(offset >= 0 && offset + count <= bytes.count)
        let raw = unsafe bytes.bytes
        let literal = unsafe UnsafeRawPointer(text.utf8Start)
        @inline(__always) func isEqual<Word: FixedWidthInteger & BitwiseCopyable>(_ index: Int, _ type: Word.Type) -> Bool {
            unsafe raw.unsafeLoadUnaligned(fromUncheckedByteOffset: offset &+ index, as: type)
                == literal.loadUnaligned(fromByteOffset: index, as: type)
        }
        switch count {
        case 0: return true
        case 1: return isEqual(0, UInt8.self)
        case 2...3: return isEqual(0, UInt16.self) && isEqual(count &- 2, UInt16.self)
        case 4...7: return isEqual(0, UInt32.self) && isEqual(count &- 4, UInt32.self)
        default:
            var index = 0
            while index < count &- 8 {
                guard isEqual(index, UInt64.self) else { return false }
                index &+= 8
            }
            return isEqual(count &- 8, UInt64.self)
        }
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
        // Flipping bit 1 makes the quote 0x20 and leaves controls below: one subtraction finds both.
        let controlOrQuote = (word ^ (self.ones &* 0x02)) &- (self.ones &* 0x21)
        let backslash = (word ^ (self.ones &* 0x5C)) &- self.ones
        return (controlOrQuote | backslash | word) & self.highs
    }

    /// How many bytes lie before the first match of a mask that is not zero.
    @inline(__always)
    static func firstIndex(_ mask: UInt64) -> Int { mask.trailingZeroBitCount &>> 3 }
}
