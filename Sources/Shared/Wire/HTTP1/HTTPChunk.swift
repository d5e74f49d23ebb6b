import Base

/// Writes the chunked coding (RFC 9112 7.1).
public enum HTTPChunk {
    /// Where a chunk of unknown size was begun.
    public struct Mark: Sendable {
        let start: Int
    }

    /// Eight digits hold every size below 4 GiB; leading zeros are allowed by the grammar.
    private static var sizeDigits: Int { 8 }

    /// Appends `bytes` as one chunk. Appends nothing if there are none: a chunk of size zero would end the body.
    public static func append(_ bytes: Span<UInt8>, to output: inout [UInt8]) {
        guard !bytes.isEmpty else { return }
        let mark = Self.begin(into: &output)
        output.append(bytes)
        Self.end(mark, into: &output)
    }

    /// Begins a chunk that is written straight into `output`; `end` sets its size. Nothing before the mark may be removed
    /// meanwhile.
    public static func begin(into output: inout [UInt8]) -> Mark {
        let mark = Mark(start: output.count)
        output.append("00000000\r\n")
        return mark
    }

    /// Ends the chunk begun at `mark`. A chunk without bytes is taken back.
    public static func end(_ mark: Mark, into output: inout [UInt8]) {
        var size = output.count - mark.start - Self.sizeDigits - 2
        precondition(size >= 0 && size <= 0xFFFF_FFFF, "the chunk was not begun here")
        guard size > 0 else {
            output.removeLast(Self.sizeDigits + 2)
            return
        }
        var index = mark.start + Self.sizeDigits
        while size > 0 {  // Bound: eight digits.
            index -= 1
            output[index] = ASCII.hexDigit(UInt8(truncatingIfNeeded: size & 15))
            size >>= 4
        }
        output.append("\r\n")
    }

    /// Ends the body: the last chunk and an empty trailer section.
    public static func appendLast(to output: inout [UInt8]) {
        output.append("0\r\n\r\n")
    }
}
