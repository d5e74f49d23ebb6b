public import Base
import MCP
import Wire

/// The MCP server of one stdio channel, for both eras at once.
///
///     line ──▶ lineReceived ──▶ answer (output) | start ──▶ … ──▶ callFinished ──▶ answer (output)
///                  │                                                   ▲
///                  └ notifications/cancelled ──▶ cancel ───────────────┘ (no answer)
///
/// A request whose `params._meta` names a protocol version is modern and stands by itself. Every other request belongs to the
/// legacy session that `initialize` opens. Both may use the channel at the same time.
///
/// Pure: reads no clock, does no I/O. Output is whole lines, each ending in LF, and never contains another LF.
public struct ServerState: ~Copyable, Sendable {
    /// The legacy session of this channel.
    struct Session: Equatable, Sendable {
        var revision: Revision
        /// Nil until the client asks for log messages.
        var logLevel: LogLevel?
    }

    /// One `tools/call` that has no answer yet.
    struct Call: Equatable, Sendable {
        let id: JSONLexeme
        let tool: SQLTool
        let progressToken: JSONLexeme?
        let logLevel: LogLevel?
        /// Nil while it waits for a free place.
        var startedAt: Instant?
        /// When the next progress notification is due; `distantFuture` without a token.
        var progressAt: Instant
        var isCancelled = false
        /// Kept only while it waits.
        var waiting: ToolCall?
    }

    /// Time between two progress notifications of a call.
    static let progressPeriod = Interval.seconds(1)
    /// Most messages of one batch.
    static let batchMax = 100

    let configuration: SQLConfiguration
    let descriptions: ToolDescriptions
    let arguments: ToolArguments

    var session: Session?
    /// Bound: `concurrency` running and `waitingMax` waiting.
    var calls: SlotMap<Call>
    /// Calls without a place, oldest first. Cancelled ones stay in it and are passed over.
    var waiting = Queue<SlotKey>()
    var runningCount = 0
    /// The calls of `calls` by their ids.
    var keys: [JSONLexeme: SlotKey] = [:]
    /// Bytes of the queries of `waiting`.
    var waitingBytes = 0
    /// Calls that want progress.
    var progressCount = 0

    // Reused tables: nothing is allocated for them in steady state.
    var scanner = JSONRPCScanner()
    var objects = JSONScanner()
    var metaMembers = JSONMembers()
    var argumentMembers = JSONMembers()

    public init(_ configuration: SQLConfiguration) {
        self.configuration = configuration
        self.descriptions = ToolDescriptions(configuration)
        self.arguments = ToolArguments(configuration: configuration)
        self.calls = SlotMap(capacity: configuration.limits.concurrency + configuration.limits.waitingMax)
    }

    /// True when no call runs or waits.
    public var isIdle: Bool { self.calls.isEmpty }

    /// When `timerFired` wants to be called next.
    public var nextDeadline: Instant? {
        guard self.progressCount > 0 else { return nil }
        var earliest = Instant.distantFuture
        for key in self.calls.keys { earliest = min(earliest, self.calls[key].progressAt) }
        return earliest == .distantFuture ? nil : earliest
    }

    // MARK: Events

    /// The part of `bytes` at `range` is one line without its end.
    public mutating func lineReceived(
        _ bytes: Span<UInt8>, at range: ByteRange, now: Instant, into output: inout [UInt8], effects: inout [ServerEffect]
    ) {
        do throws(JSONRPCError) {
            let envelope = try self.scanner.scan(bytes, at: range)
            self.messageReceived(bytes, envelope, inBatch: false, now: now, into: &output, effects: &effects)
        } catch {
            switch error {
            case .parse(let reason): Self.append(parseError: reason, to: &output)
            case .invalid(let reason, let id): Self.append(invalid: reason, Self.lexeme(bytes, id), to: &output)
            case .batch(let range): self.batchReceived(bytes, range, now: now, into: &output, effects: &effects)
            }
        }
    }

    /// A line passed the limit of the channel and was skipped.
    public mutating func lineTooLong(into output: inout [UInt8]) {
        AnswerWriter.appendError(nil, .invalidRequest, "The line is longer than this server accepts", to: &output)
    }

    /// The result object of a started call, or nothing when the call was cancelled.
    public mutating func callFinished(
        _ key: SlotKey, _ report: CallReport, result: Span<UInt8>, now: Instant, into output: inout [UInt8],
        effects: inout [ServerEffect]
    ) {
        guard let call = self.remove(key) else { preconditionFailure("a call finished twice") }
        self.runningCount -= 1
        if !call.isCancelled {
            self.appendLog(call, report, now: now, to: &output)
            AnswerWriter.beginResult(call.id, to: &output)
            output.append(result)
            AnswerWriter.end(to: &output)
        }
        self.startWaiting(now: now, effects: &effects)
    }

    /// `rows` is asked for each call whose progress is due.
    public mutating func timerFired(now: Instant, into output: inout [UInt8], rows: (SlotKey) -> Int) {
        guard self.progressCount > 0 else { return }
        for key in self.calls.keys where self.calls[key].progressAt <= now {
            let call = self.calls[key]
            guard let token = call.progressToken, let startedAt = call.startedAt, !call.isCancelled else {
                self.calls[key].progressAt = .distantFuture
                continue
            }
            AnswerWriter.appendProgress(
                token: token, call: call.id, elapsed: now - startedAt, limit: self.configuration.limits.queryTime,
                rows: rows(key), to: &output)
            self.calls[key].progressAt = now + Self.progressPeriod
        }
    }

    // MARK: Starting calls

    mutating func admit(_ call: Call, _ tool: ToolCall, now: Instant, effects: inout [ServerEffect]) -> Bool {
        guard self.waitingBytes + tool.query.count <= self.configuration.limits.waitingBytesMax,
            let key = self.calls.insert(call)
        else { return false }
        self.keys[call.id] = key
        if call.progressToken != nil { self.progressCount += 1 }
        if self.runningCount < self.configuration.limits.concurrency {
            self.start(key, tool, now: now, effects: &effects)
        } else {
            self.calls[key].waiting = tool
            self.waitingBytes += tool.query.count
            self.waiting.append(key)
        }
        return true
    }

    private mutating func remove(_ key: SlotKey) -> Call? {
        guard let call = self.calls.remove(key) else { return nil }
        self.keys[call.id] = nil
        if call.progressToken != nil { self.progressCount -= 1 }
        if let tool = call.waiting { self.waitingBytes -= tool.query.count }
        return call
    }

    private mutating func start(_ key: SlotKey, _ tool: ToolCall, now: Instant, effects: inout [ServerEffect]) {
        self.runningCount += 1
        if self.calls[key].waiting != nil {
            self.calls[key].waiting = nil
            self.waitingBytes -= tool.query.count
        }
        self.calls[key].startedAt = now
        if self.calls[key].progressToken != nil { self.calls[key].progressAt = now + Self.progressPeriod }
        effects.append(.start(key, tool))
    }

    private mutating func startWaiting(now: Instant, effects: inout [ServerEffect]) {
        while self.runningCount < self.configuration.limits.concurrency, let key = self.waiting.popFirst() {
            // Expected: a cancelled call has left the map but not the queue.
            guard let tool = self.calls.find(key)?.waiting else { continue }
            self.start(key, tool, now: now, effects: &effects)
        }
    }

    /// `notifications/cancelled`: the call gets no answer any more (legacy and modern alike).
    mutating func cancel(_ id: JSONLexeme, now: Instant, effects: inout [ServerEffect]) {
        guard let key = self.keys[id] else { return }  // Expected: the answer and the cancellation crossed.
        if self.calls[key].waiting != nil {
            _ = self.remove(key)
        } else if !self.calls[key].isCancelled {
            self.calls[key].isCancelled = true
            effects.append(.cancel(key))
        }
    }

    static func lexeme(_ bytes: Span<UInt8>, _ range: ByteRange?) -> JSONLexeme? {
        range.map { JSONLexeme(bytes, $0) }
    }
}
