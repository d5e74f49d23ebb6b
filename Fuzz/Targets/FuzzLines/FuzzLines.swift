import Base
import FuzzSupport
import Wire

/// However a stream is cut, the splitter gives the lines that splitting the whole of it gives, and reports the same long ones.
/// The first byte of the input is the limit of a line.
func fuzzLines(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = unsafe input(start, count)
    guard let first = bytes.first else { return 0 }
    let limit = Int(first)
    let stream = Array(bytes.dropFirst())
    var random = PRNG(hashOf: bytes)
    let expected = reference(stream, limit)
    precondition(split(stream, limit, ends: [stream.count]) == expected, "fed whole")
    precondition(split(stream, limit, ends: Array(stride(from: 1, through: stream.count, by: 1))) == expected, "fed byte by byte")
    precondition(split(stream, limit, ends: cuts(of: stream.count, &random)) == expected, "fed in pieces")
    return 0
}

/// A line, or nil for one that was too long.
private func reference(_ stream: [UInt8], _ limit: Int) -> [[UInt8]?] {
    var lines: [[UInt8]?] = []
    let pieces = stream.split(separator: 0x0A, omittingEmptySubsequences: false)
    for (index, piece) in pieces.enumerated() {
        if piece.count > limit {
            lines.append(nil)
        } else if index < pieces.count - 1 {
            let line = piece.last == 0x0D ? piece.dropLast() : piece
            if !line.isEmpty { lines.append(Array(line)) }
        }
    }
    return lines
}

private func split(_ stream: [UInt8], _ limit: Int, ends: [Int]) -> [[UInt8]?] {
    var splitter = LineSplitter(lineBytesMax: limit)
    var lines: [[UInt8]?] = []
    var start = 0
    for end in ends {
        let piece = Array(stream[start..<end])
        start = end
        var position = 0
        feed: while true {
            switch splitter.next(in: piece.span, from: &position) {
            case .none: break feed
            case .inline(let range): lines.append([UInt8](piece.span, range))
            case .buffered: lines.append(splitter.line)
            case .tooLong: lines.append(nil)
            }
            precondition(splitter.line.count <= limit, "more kept than the limit")
        }
        precondition(position == piece.count, "bytes were left")
    }
    return lines
}
