import Base

/// Writes server-sent events (WHATWG HTML 9.2). A message is one line of JSON in one event; should the data hold line ends after
/// all, each of CRLF, LF and CR starts a further `data` line, so that no byte of it can become a field of its own.
public enum SSE {
    /// Where the data of an event was begun.
    public struct Mark: Sendable {
        let start: Int
    }

    /// Appends an event without a name, which clients take as `message`.
    public static func appendMessage(_ data: Span<UInt8>, to output: inout [UInt8]) {
        let mark = Self.begin(into: &output)
        output.append(data)
        Self.end(mark, into: &output)
    }

    /// Appends an event that a client may resume after. Line ends and NUL in `id` become `?`.
    public static func appendMessage(_ data: Span<UInt8>, id: Span<UInt8>, to output: inout [UInt8]) {
        Self.appendID(id, to: &output)
        Self.appendMessage(data, to: &output)
    }

    /// Appends an event with a name of ours.
    public static func appendEvent(name: StaticString, data: Span<UInt8>, to output: inout [UInt8]) {
        output.append("event: ")
        let start = output.count
        output.append(name)
        output.replaceControls(from: start)
        output.append(0x0A)
        Self.appendMessage(data, to: &output)
    }

    /// Begins an event without a name or id whose data is written straight into `output`. Nothing before the mark may be removed
    /// meanwhile.
    public static func begin(into output: inout [UInt8]) -> Mark {
        output.append("data: ")
        return Mark(start: output.count)
    }

    /// Ends the event begun at `mark`: everything after the mark is its data.
    public static func end(_ mark: Mark, into output: inout [UInt8]) {
        precondition(mark.start <= output.count, "the event was not begun here")
        let lineEnd = output.span.firstLineEnd(from: mark.start)
        if lineEnd < output.count { Self.splitLines(from: lineEnd, in: &output) }
        output.append("\n\n")
    }

    /// Appends the id line of an event. It takes effect with the event that follows.
    public static func appendID(_ id: Span<UInt8>, to output: inout [UInt8]) {
        output.append("id: ")
        output.appendFieldValue(id)
        output.append(0x0A)
    }

    /// Appends the time after which a client reconnects, as an event of its own that clients do not dispatch.
    public static func appendRetry(milliseconds: UInt32, to output: inout [UInt8]) {
        output.append("retry: ")
        output.append(decimal: UInt64(milliseconds))
        output.append("\n\n")
    }

    /// Appends an event without data, by which a client learns an id to resume after and how long to wait before it does. The empty
    /// `data` line is there because some parsers keep an id only with one.
    public static func appendPriming(id: Span<UInt8>, retryMilliseconds: UInt32, to output: inout [UInt8]) {
        Self.appendID(id, to: &output)
        output.append("retry: ")
        output.append(decimal: UInt64(retryMilliseconds))
        output.append("\ndata:\n\n")
    }

    /// Appends a comment, which keeps the connection from looking idle.
    public static func appendComment(to output: inout [UInt8]) {
        output.append(":\n\n")
    }

    /// Turns each line end from `start` on into the start of a further `data` line.
    private static func splitLines(from start: Int, in output: inout [UInt8]) {
        let tail = [UInt8](output.span.extracting(start..<output.count))
        output.removeLast(tail.count)
        var index = 0
        while index < tail.count {  // Bound: the length of the data.
            switch tail[index] {
            case 0x0D:
                output.append("\ndata: ")
                if index + 1 < tail.count, tail[index + 1] == 0x0A { index += 1 }
            case 0x0A: output.append("\ndata: ")
            default: output.append(tail[index])
            }
            index += 1
        }
    }
}

extension Span where Element == UInt8 {
    /// The first CR or LF from `start` on, or the end. Both are below 0x20, so other control bytes are passed over one by one.
    func firstLineEnd(from start: Int) -> Int {
        var seen: UInt64 = 0
        var index = start
        while true {  // Bound: the length of the span.
            index = HTTPByte.firstControl(self, from: index, to: self.count, seen: &seen)
            guard index < self.count, self[index] != 0x0A, self[index] != 0x0D else { return index }
            index += 1
        }
    }
}
