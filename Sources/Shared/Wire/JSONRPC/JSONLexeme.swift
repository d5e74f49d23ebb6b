public import Base

/// The text of a string or a number, kept as it was written: `1` is not `"1"`, and an answer echoes what was asked.
/// Up to 23 bytes are held without allocation; that is every integer id and most strings that clients count with.
public struct JSONLexeme: Hashable, Sendable {
    private static let inlineBytesMax = 23

    // The bytes from the lowest of `word0` on; the highest byte of `word2` is their count. All zero when `long` holds them.
    private var word0: UInt64 = 0
    private var word1: UInt64 = 0
    private var word2: UInt64 = 0
    private var long: [UInt8]?

    public init(_ bytes: Span<UInt8>, _ range: ByteRange) {
        guard range.count <= Self.inlineBytesMax else {
            self.long = [UInt8](bytes, range)
            return
        }
        for index in 0..<range.count { self.set(index, bytes[range.lowerBound + index]) }
        self.set(Self.inlineBytesMax, UInt8(truncatingIfNeeded: range.count))
    }

    /// The decimal text of `value`.
    public static func integer(_ value: Int64) -> JSONLexeme {
        var text: [UInt8] = []
        text.append(decimal: value)
        return JSONLexeme(text.span, ByteRange(0, text.count))
    }

    public var count: Int { self.long?.count ?? Int(self.byte(Self.inlineBytesMax)) }

    public func append(to output: inout [UInt8]) {
        if let long = self.long { return output.append(contentsOf: long) }
        for index in 0..<self.count { output.append(self.byte(index)) }
    }

    /// The value of an integer lexeme.
    public var int64: Int64? {
        var text: [UInt8] = []
        self.append(to: &text)
        return JSONNumber.int64(text.span, ByteRange(0, text.count))
    }

    private func byte(_ index: Int) -> UInt8 {
        let word = index < 8 ? self.word0 : index < 16 ? self.word1 : self.word2
        return UInt8(truncatingIfNeeded: word >> (UInt64(index & 7) * 8))
    }

    private mutating func set(_ index: Int, _ byte: UInt8) {
        let bits = UInt64(byte) << (UInt64(index & 7) * 8)
        if index < 8 {
            self.word0 |= bits
        } else if index < 16 {
            self.word1 |= bits
        } else {
            self.word2 |= bits
        }
    }
}
