import Base

/// Reads a body of `text/event-stream` and accepts only the forms the supervisor writes: an unnamed event of one `data` line, or a
/// comment, each ended by an empty line.
struct EventStreamParser {
    private var buffer: [UInt8] = []

    /// The data of the events that are complete.
    mutating func feed(_ bytes: [UInt8]) throws(ResponseParser.Malformed) -> [[UInt8]] {
        self.buffer.append(contentsOf: bytes)
        var messages: [[UInt8]] = []
        var start = 0
        var index = 0
        while index + 1 < self.buffer.count {  // Bound: the bytes received.
            guard self.buffer[index] == 0x0A, self.buffer[index + 1] == 0x0A else {
                index += 1
                continue
            }
            if let data = try Self.event(self.buffer[start..<index]) { messages.append(data) }
            index += 2
            start = index
        }
        self.buffer.removeSubrange(0..<start)
        return messages
    }

    /// Nothing of a further event has been received.
    var isAtBoundary: Bool { self.buffer.isEmpty }

    private static func event(_ text: ArraySlice<UInt8>) throws(ResponseParser.Malformed) -> [UInt8]? {
        if text.elementsEqual([0x3A]) { return nil }
        // Of HTTP+SSE: its data is a path, which no message is.
        let endpoint = Array("event: endpoint\ndata: /".utf8)
        if text.starts(with: endpoint) { return Array(text.dropFirst(endpoint.count - 1)) }
        guard text.starts(with: Array("data: ".utf8)) else {
            throw ResponseParser.Malformed(text: "the event \(String(decoding: text.prefix(80), as: UTF8.self))")
        }
        let data = Array(text.dropFirst(6))
        guard !data.contains(0x0A), !data.contains(0x0D) else {
            throw ResponseParser.Malformed(text: "an event of several lines")
        }
        return data
    }
}
