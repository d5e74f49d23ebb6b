import Base

/// Checks text that comes in pieces for well-formed UTF-8 (RFC 3629 4). A wrong byte is found when it is seen, also in the middle of
/// a character: how the text was cut never changes the verdict. Five bytes of state, nothing is kept of the text.
struct UTF8Progress: Equatable, Sendable {
    /// Continuation bytes that the character in progress still needs.
    private var missing: UInt8 = 0
    /// The range of the next one. After the first byte it excludes what is overlong, a surrogate or too large.
    private var low: UInt8 = 0x80
    private var high: UInt8 = 0xBF

    /// Whether no character is incomplete.
    var isComplete: Bool { self.missing == 0 }

    /// Passes over `range` of `bytes`, which continues what was seen before. False when the text is not UTF-8; then the state means
    /// nothing any more.
    mutating func pass(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
        var index = range.lowerBound
        while index < range.upperBound {  // Bound: each turn passes at least one byte.
            if self.missing == 0 {
                while range.upperBound &- index >= 8, bytes.word(at: index) & HTTPByte.highBits == 0 { index &+= 8 }
                guard index < range.upperBound else { return true }
            }
            guard self.step(bytes[index]) else { return false }
            index &+= 1
        }
        return true
    }

    @inline(__always)
    private mutating func step(_ byte: UInt8) -> Bool {
        if self.missing > 0 {
            guard byte >= self.low, byte <= self.high else { return false }
            self.missing &-= 1
            (self.low, self.high) = (0x80, 0xBF)
            return true
        }
        switch byte {
        case 0x00...0x7F: return true
        case 0xC2...0xDF: self.missing = 1
        case 0xE0: (self.missing, self.low) = (2, 0xA0)
        case 0xE1...0xEC, 0xEE, 0xEF: self.missing = 2
        case 0xED: (self.missing, self.high) = (2, 0x9F)
        case 0xF0: (self.missing, self.low) = (3, 0x90)
        case 0xF1...0xF3: self.missing = 3
        case 0xF4: (self.missing, self.high) = (3, 0x8F)
        default: return false
        }
        return true
    }
}
