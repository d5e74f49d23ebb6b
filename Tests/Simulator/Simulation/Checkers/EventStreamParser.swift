import Base

/// Reads a body of `text/event-stream` and accepts only the forms the supervisor writes: an unnamed event of one `data` line, with
/// or without an id before it, an id with an empty `data` line, a time to wait, or a comment, each ended by an empty line.
struct EventStreamParser {
    struct Event {
        var id: String?
        /// Nil for one that only carries an id.
        var data: [UInt8]?
    }

    private var buffer: [UInt8] = []

    /// The events that are complete.
    mutating func feed(_ bytes: [UInt8]) throws(ResponseParser.Malformed) -> [Event] {
        self.buffer.append(contentsOf: bytes)
        var events: [Event] = []
        var start = 0
        var index = 0
        while index + 1 < self.buffer.count {  // Bound: the bytes received.
            guard self.buffer[index] == 0x0A, self.buffer[index + 1] == 0x0A else {
                index += 1
                continue
            }
            if let event = try Self.event(self.buffer[start..<index]) { events.append(event) }
            index += 2
            start = index
        }
        self.buffer.removeSubrange(0..<start)
        return events
    }

    /// Nothing of a further event has been received.
    var isAtBoundary: Bool { self.buffer.isEmpty }

    private static func event(_ text: ArraySlice<UInt8>) throws(ResponseParser.Malformed) -> Event? {
        if text.elementsEqual([0x3A]) || text.elementsEqual("retry: 1000".utf8) { return nil }
        // Of HTTP+SSE: its data is a path, which no message is.
        let endpoint = Array("event: endpoint\ndata: /".utf8)
        if text.starts(with: endpoint) { return Event(data: Array(text.dropFirst(endpoint.count - 1))) }
        var event = Event()
        var rest = text
        if text.starts(with: "id: ".utf8), let end = text.firstIndex(of: 0x0A) {
            event.id = String(decoding: text[text.startIndex..<end].dropFirst(4), as: UTF8.self)
            rest = text[(end + 1)...]
            if rest.elementsEqual("retry: 1000\ndata:".utf8) { return event }
        }
        guard rest.starts(with: "data: ".utf8) else {
            throw ResponseParser.Malformed(text: "the event \(String(decoding: text.prefix(80), as: UTF8.self))")
        }
        let data = Array(rest.dropFirst(6))
        guard !data.contains(0x0A), !data.contains(0x0D) else {
            throw ResponseParser.Malformed(text: "an event of several lines")
        }
        event.data = data
        return event
    }
}
