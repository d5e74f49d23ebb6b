import Base

/// What a client knows of one stream that it can resume, over all connections that carried it. The sequence in the ids of its events
/// has no gap, so a message that is lost, repeated or moved shows in them.
struct StreamCursor {
    /// Of the last event that came whole.
    private(set) var last: String?
    private var stream = ""
    private var sequence = 0
    /// How often it was resumed, and the time of the last loss.
    private(set) var resumptions = 0
    private(set) var lostAt = Instant(nanoseconds: 0)
    /// The next event may only repeat the id that was named.
    private var isResuming = false
    /// An id was named on purpose that was never given out.
    var isForged = false

    /// Its session has ended: nothing that could be resumed after comes any more.
    private var isOver = false

    mutating func lost(at now: Instant) { self.lostAt = now }

    mutating func resumed() {
        self.resumptions += 1
        self.isResuming = true
    }

    /// What is wrong with the event.
    mutating func received(_ event: EventStreamParser.Event) -> String? {
        guard let id = event.id else {
            // What is said of a stream whose session has just ended.
            if self.last != nil { self.isOver = true }
            return nil
        }
        if self.isOver { return "the id \(id) after an event without one" }
        let parts = id.split(separator: "-")
        guard parts.count == 2, let sequence = Int(parts[1], radix: 36) else { return "the id \(id)" }
        defer {
            self.last = id
            self.stream = String(parts[0])
            self.sequence = sequence
            self.isResuming = false
        }
        guard self.last != nil else { return sequence == 1 ? nil : "begins with \(id)" }
        let expected = event.data == nil ? self.sequence : self.sequence + 1
        guard String(parts[0]) == self.stream, sequence == expected, event.data != nil || self.isResuming else {
            return "\(id) after \(self.last ?? "")"
        }
        return nil
    }
}
