import Base

/// Bytes that the event logs of all sessions hold together. The owner of the sessions keeps one and passes it to every call.
struct EventBudget: Equatable, Sendable {
    let bytesMax: Int
    private(set) var bytes = 0

    init(bytesMax: Int) { self.bytesMax = bytesMax }

    fileprivate var room: Int { self.bytesMax - self.bytes }

    fileprivate mutating func take(_ count: Int) {
        self.bytes += count
        precondition(self.bytes <= self.bytesMax, "more events than the budget allows")
    }

    fileprivate mutating func give(_ count: Int) {
        self.bytes -= count
        precondition(self.bytes >= 0, "events were given back twice")
    }
}

/// The event streams of one session and what was sent on them lately, so that a client whose connection broke can go on where it
/// was: `Last-Event-ID` of revisions 2025-03-26 to 2025-11-25.
///
///     openStream ──▶ open ──append(isFinal), terminate──▶ terminated ──its last entry is dropped──▶ forgotten
///
/// Every message of a stream is appended before it is written to a connection. Beyond the limits the oldest entries of the session
/// are dropped; a stream remembers up to where it lost some, so a resume from before is refused instead of skipping events. The end
/// of a stream is an entry as well: as long as it is there, a client that had everything is told so by an empty replay.
///
/// Pure: `now` comes in, deadlines go out. While nothing is logged, nothing is allocated.
struct EventLog: Sendable {
    struct Limits: Equatable, Sendable {
        /// Entries older than this are dropped.
        var ageMax = Interval.minutes(5)
        /// Entries of a session. With none, no stream can be resumed.
        var eventsMax = 1_000
        /// Bytes of a session's entries, `entryBytes` for each included. A larger message passes unlogged.
        var bytesMax = 8 << 20
        /// Streams that have not ended. Further ones are not logged.
        var openStreamsMax = 256
    }

    /// What became of a replay.
    struct Replayed: Equatable, Sendable {
        /// The last event visited, or the one that was asked after. To go on, replay after it.
        let through: EventID
        /// Nothing later is in the log: from here on the stream is live, or over.
        let isComplete: Bool
        /// No event will follow those in the log. Once they are written the connection's stream ends.
        let isTerminated: Bool
    }

    private struct Entry: Sendable {
        let stream: UInt64
        let sequence: UInt64
        let at: Instant
        /// Empty for a mark that only says that the stream ended.
        var message: [UInt8]
        let isLast: Bool
        let isMark: Bool

        var bytes: Int { self.message.count + EventLog.entryBytes }
    }

    private struct Stream: Sendable {
        let number: UInt64
        /// The highest sequence given out; 0 before the first.
        var sequence: UInt64 = 0
        /// Events up to this one were dropped; 0 if none was.
        var lostThrough: UInt64 = 0
        var isTerminated = false
    }

    /// What an entry costs beside its message: its record and the head of its array.
    static let entryBytes = 96

    private let limits: Limits
    /// Oldest first, from `firstEntry` on; what lies before is emptied and removed now and then. Bound: twice `eventsMax`.
    private var entries: ContiguousArray<Entry> = []
    private var firstEntry = 0
    /// By rising number. Bound: `openStreamsMax` open ones, and terminated ones with an entry each.
    private var streams: ContiguousArray<Stream> = []
    private var openStreams = 0
    private var streamsOpened: UInt64 = 0
    /// What the entries hold.
    private(set) var bytes = 0

    init(limits: Limits = Limits()) { self.limits = limits }

    /// Entries that are kept.
    var count: Int { self.entries.count - self.firstEntry }

    /// When the oldest entry has to go. Calling `expire` later or earlier does no harm.
    var nextDeadline: Instant? { self.count == 0 ? nil : self.entries[self.firstEntry].at + self.limits.ageMax }

    // MARK: Streams

    /// A new stream's number, or nil when too many are open: its events then carry no ids.
    mutating func openStream() -> UInt64? {
        guard self.openStreams < self.limits.openStreamsMax else { return nil }
        self.streamsOpened += 1
        self.openStreams += 1
        self.streams.append(Stream(number: self.streamsOpened))
        return self.streamsOpened
    }

    /// Streams that have not ended.
    var openCount: Int { self.openStreams }

    /// Whether a client can have an id to resume the stream after.
    func hasGivenIDs(_ stream: UInt64) -> Bool { self.index(of: stream).map { self.streams[$0].sequence > 0 } ?? false }

    /// Whether a message of so many bytes would be kept.
    func fits(_ count: Int, budget: EventBudget) -> Bool { self.couldHold(count + Self.entryBytes, budget) }

    /// Whether events may be appended to the stream.
    func isOpen(_ stream: UInt64) -> Bool {
        guard let index = self.index(of: stream) else { return false }
        return !self.streams[index].isTerminated
    }

    /// An id for an event without a message, which gives the client something to resume after. Nothing is logged. Nil if the stream
    /// is not open.
    ///
    /// Only for a connection to which all events so far were written: whoever resumes after it does not get those. A stream that is
    /// being resumed is primed with the id that the client named, or after its replay.
    mutating func prime(_ stream: UInt64) -> EventID? {
        guard let index = self.index(of: stream), !self.streams[index].isTerminated else { return nil }
        self.streams[index].sequence += 1
        return EventID(stream: stream, sequence: self.streams[index].sequence)
    }

    /// Logs a message and gives its id. `isFinal` says that it is the last one of its stream. Nil if the stream is not open: then
    /// nothing may be sent on it.
    mutating func append(
        _ message: Span<UInt8>, to stream: UInt64, isFinal: Bool = false, at now: Instant, budget: inout EventBudget
    ) -> EventID? {
        self.expire(at: now, budget: &budget)
        guard let index = self.index(of: stream), !self.streams[index].isTerminated else { return nil }
        self.streams[index].sequence += 1
        let sequence = self.streams[index].sequence
        if isFinal { self.close(index) }
        if self.makeRoom(message.count + Self.entryBytes, budget: &budget) {
            let message = [UInt8](message)
            self.add(
                Entry(stream: stream, sequence: sequence, at: now, message: message, isLast: isFinal, isMark: false),
                budget: &budget)
        } else {
            self.lose(stream, through: sequence)
            if isFinal { self.mark(stream, sequence, at: now, budget: &budget) }
        }
        return EventID(stream: stream, sequence: sequence)
    }

    /// Ends a stream without a further message: its call was cancelled, or nobody will read it any more. Harmless for a stream that
    /// is not open. One whose ids nobody has is forgotten at once.
    mutating func terminate(_ stream: UInt64, at now: Instant, budget: inout EventBudget) {
        self.expire(at: now, budget: &budget)
        guard let index = self.index(of: stream), !self.streams[index].isTerminated else { return }
        let sequence = self.streams[index].sequence
        self.close(index)
        guard sequence > 0 else { return self.forget(stream) }
        self.mark(stream, sequence, at: now, budget: &budget)
    }

    // MARK: Replay

    /// Whether the stream of `id` can be resumed after it.
    mutating func check(_ id: EventID, at now: Instant, budget: inout EventBudget) throws(ReplayRefusal) {
        self.expire(at: now, budget: &budget)
        _ = try self.resumed(id)
    }

    private func resumed(_ id: EventID) throws(ReplayRefusal) -> Stream {
        guard let index = self.index(of: id.stream), id.sequence > 0, id.sequence <= self.streams[index].sequence else {
            throw .unknown
        }
        guard id.sequence >= self.streams[index].lostThrough else { throw .evicted }
        return self.streams[index]
    }

    /// Calls `visit` for the events of the stream of `id` that came after it, in order, and for no other. Stops when the messages
    /// visited have `bytesMax` bytes, but not before one was, so that a slow reader can be served in parts.
    ///
    /// What is appended after the call that told `isComplete` is live: caller and log run on one thread, so nothing falls between.
    mutating func replay(
        after id: EventID, bytesMax: Int = .max, at now: Instant, budget: inout EventBudget,
        _ visit: (EventID, Span<UInt8>) -> Void
    ) throws(ReplayRefusal) -> Replayed {
        self.expire(at: now, budget: &budget)
        let stream = try self.resumed(id)
        var through = id
        var visited = 0
        for position in self.firstEntry..<self.entries.count {  // Bound: `eventsMax`.
            guard self.isLater(position, than: id) else { continue }
            guard visited < bytesMax else {
                return Replayed(through: through, isComplete: false, isTerminated: stream.isTerminated)
            }
            through = EventID(stream: id.stream, sequence: self.entries[position].sequence)
            let message = self.entries[position].message
            visited += message.count
            visit(through, message.span)
        }
        return Replayed(through: through, isComplete: true, isTerminated: stream.isTerminated)
    }

    private func isLater(_ position: Int, than id: EventID) -> Bool {
        self.entries[position].stream == id.stream && self.entries[position].sequence > id.sequence
            && !self.entries[position].isMark
    }

    // MARK: Dropping

    /// Drops what is too old.
    mutating func expire(at now: Instant, budget: inout EventBudget) {
        while let deadline = self.nextDeadline, deadline <= now { self.dropOldest(&budget) }  // Bound: `eventsMax`.
    }

    /// Forgets everything and gives its bytes back: the session ends.
    mutating func removeAll(budget: inout EventBudget) {
        budget.give(self.bytes)
        self = EventLog(limits: self.limits)
    }

    /// Drops old entries until one of that many bytes fits. False, and nothing is dropped, if it never would.
    private mutating func makeRoom(_ bytes: Int, budget: inout EventBudget) -> Bool {
        guard self.couldHold(bytes, budget) else { return false }
        // Bound: `eventsMax`. With no entry left there is room, as was just checked.
        while self.count >= self.limits.eventsMax || self.bytes + bytes > self.limits.bytesMax || bytes > budget.room {
            self.dropOldest(&budget)
        }
        return true
    }

    private func couldHold(_ bytes: Int, _ budget: EventBudget) -> Bool {
        bytes <= self.limits.bytesMax && bytes <= budget.room + self.bytes && self.limits.eventsMax > 0
    }

    /// Logs the end of a stream. If there is no room even for that, the stream is forgotten at once.
    private mutating func mark(_ stream: UInt64, _ sequence: UInt64, at now: Instant, budget: inout EventBudget) {
        guard self.makeRoom(Self.entryBytes, budget: &budget) else { return self.forget(stream) }
        self.add(
            Entry(stream: stream, sequence: sequence, at: now, message: [], isLast: true, isMark: true), budget: &budget)
    }

    private mutating func add(_ entry: Entry, budget: inout EventBudget) {
        budget.take(entry.bytes)
        self.bytes += entry.bytes
        self.entries.append(entry)
    }

    private mutating func dropOldest(_ budget: inout EventBudget) {
        let entry = self.entries[self.firstEntry]
        self.entries[self.firstEntry].message = []
        self.firstEntry += 1
        self.bytes -= entry.bytes
        budget.give(entry.bytes)
        if entry.isLast {
            self.forget(entry.stream)
        } else {
            self.lose(entry.stream, through: entry.sequence)
        }
        if self.firstEntry == self.entries.count {
            self.entries = []
            self.firstEntry = 0
        } else if self.firstEntry > self.entries.count / 2 {
            self.entries.removeFirst(self.firstEntry)
            self.firstEntry = 0
        }
    }

    private mutating func close(_ index: Int) {
        self.streams[index].isTerminated = true
        self.openStreams -= 1
    }

    private mutating func lose(_ stream: UInt64, through sequence: UInt64) {
        guard let index = self.index(of: stream) else { return }
        // Not always the newest loss: a message that was too large to be logged may be ahead of what is dropped now.
        self.streams[index].lostThrough = Swift.max(self.streams[index].lostThrough, sequence)
    }

    private mutating func forget(_ stream: UInt64) {
        guard let index = self.index(of: stream) else { return }
        self.streams.remove(at: index)
        if self.streams.isEmpty { self.streams = [] }
    }

    /// By halving. Bound: the streams' number has 64 bits.
    private func index(of stream: UInt64) -> Int? {
        var low = 0
        var high = self.streams.count
        while low < high {
            let middle = (low + high) / 2
            if self.streams[middle].number < stream { low = middle + 1 } else { high = middle }
        }
        return low < self.streams.count && self.streams[low].number == stream ? low : nil
    }
}
