import Base
import Linux
import Wire
import WorkerCore

/// Standard input and output around the machine: reads bytes, cuts lines, keeps what could not be written yet.
struct ChannelState: ~Copyable {
    /// Longest message accepted.
    static let lineBytesMax = 4 << 20
    private static let inputBytes = 64 << 10
    /// Beyond this the channel stops reading until the client takes its answers.
    private static let outputBytesMax = 1 << 20
    /// Answers of one turn go out in pieces of about this size.
    private static let outputBytesGood = 64 << 10
    /// After the end of input running calls may finish this long; then they are cancelled, and a little later the process ends.
    private static let grace = Interval.seconds(2)
    private static let graceAfterCancel = Interval.milliseconds(500)

    private enum Phase {
        case open
        /// Input has ended; running calls may finish until then.
        case grace(until: Instant)
        /// What still ran was cancelled; the process ends then at the latest.
        case cancelled(until: Instant)
    }

    private var machine: ServerState
    private var splitter = LineSplitter(lineBytesMax: ChannelState.lineBytesMax)
    private let input: StandardStream
    private let output: StandardStream
    private let wake: WakeDescriptor
    private var inputBuffer: [UInt8]
    private var outputBuffer: [UInt8] = []
    /// Bytes of `outputBuffer` that are written already.
    private var written = 0
    private var polls = PollSet()
    private let inputPlace: Int
    private let outputPlace: Int
    private let wakePlace: Int
    private var isBlocked = false
    private var isInputReady = false
    private var phase = Phase.open
    private var isOutputGone = false
    let exitCode: Int32 = 0

    init(_ machine: consuming ServerState, input: FileDescriptor, output: FileDescriptor, wake: WakeDescriptor) {
        self.machine = machine
        self.input = StandardStream(reading: input)
        self.output = StandardStream(writing: output)
        self.wake = wake
        self.inputBuffer = [UInt8](repeating: 0, count: Self.inputBytes)
        self.inputPlace = self.polls.add(self.input.descriptor)
        self.outputPlace = self.polls.add(self.output.descriptor)
        self.wakePlace = self.polls.add(wake.descriptor)
        self.polls.setInterest(self.wakePlace, wake.descriptor, reading: true, writing: false)
    }

    private var pendingBytes: Int { self.outputBuffer.count - self.written }
    var shouldFlush: Bool { self.pendingBytes >= Self.outputBytesGood && !self.isBlocked }

    var nextDeadline: Instant? {
        switch self.phase {
        case .open: self.machine.nextDeadline
        case .grace(let end), .cancelled(let end): min(end, self.machine.nextDeadline ?? .distantFuture)
        }
    }

    /// Whether the process has nothing more to do.
    func isDone(isIdle: Bool, now: Instant) -> Bool {
        if self.isOutputGone { return true }
        let isFinished = isIdle && self.machine.isIdle && self.pendingBytes == 0
        switch self.phase {
        case .open: return false
        case .grace: return isFinished
        case .cancelled(let end): return isFinished || now >= end
        }
    }

    /// True once: when the calls that still run must be cancelled.
    mutating func takeGraceEnd(_ now: Instant) -> Bool {
        guard case .grace(let end) = self.phase, now >= end else { return false }
        self.phase = .cancelled(until: now + Self.graceAfterCancel)
        return true
    }

    private var isOpen: Bool {
        switch self.phase {
        case .open: true
        case .grace, .cancelled: false
        }
    }

    // MARK: Waiting

    /// True when something is ready.
    mutating func poll(timeout: Interval?) -> Bool {
        let isReading = self.isOpen && self.pendingBytes < Self.outputBytesMax
        self.polls.setInterest(self.inputPlace, self.input.descriptor, reading: isReading, writing: false)
        // After the end of input nothing but this tells whether somebody still waits for answers.
        self.polls.setInterest(
            self.outputPlace, self.output.descriptor, reading: false, writing: self.isBlocked, hangUp: !self.isOpen)
        do throws(SystemError) {
            try self.polls.wait(timeout: timeout)
        } catch {
            preconditionFailure("poll: \(error)")
        }
        self.isInputReady = isReading && self.polls.isReadable(self.inputPlace)
        // The supervisor was killed, or the client is gone: running calls have nobody to answer to.
        if !self.isOpen && self.polls.isHungUp(self.outputPlace) { self.isOutputGone = true }
        let isOutputReady = self.isBlocked && self.polls.isWritable(self.outputPlace)
        if isOutputReady { self.isBlocked = false }
        let isWoken = self.polls.isReadable(self.wakePlace)
        if isWoken { self.wake.drain() }
        return self.isInputReady || isOutputReady || isWoken
    }

    // MARK: Input

    mutating func read(now: Instant, effects: inout [ServerEffect]) {
        guard self.isInputReady else { return }
        self.isInputReady = false
        // Out of `self` for the time: a span of it would keep all of `self` from being changed.
        var buffer: [UInt8] = []
        swap(&buffer, &self.inputBuffer)
        defer { swap(&buffer, &self.inputBuffer) }
        let transfer: Transfer
        do throws(SystemError) {
            var span = buffer.mutableSpan
            transfer = try self.input.read(into: &span)
        } catch {
            transfer = .ended  // A reset socket: the client is gone.
        }
        switch transfer {
        case .moved(let count): self.receive(buffer.span.extracting(0..<count), now: now, effects: &effects)
        case .ended: self.phase = .grace(until: now + Self.grace)
        case .wouldBlock: break
        }
    }

    private mutating func receive(_ bytes: Span<UInt8>, now: Instant, effects: inout [ServerEffect]) {
        var position = 0
        while true {  // Bound: each line passes at least one byte of `bytes`.
            switch self.splitter.next(in: bytes, from: &position) {
            case .none: return
            case .inline(let range):
                self.machine.lineReceived(bytes, at: range, now: now, into: &self.outputBuffer, effects: &effects)
            case .buffered:
                let line = self.splitter.line
                self.machine.lineReceived(
                    line.span, at: ByteRange(0, line.count), now: now, into: &self.outputBuffer, effects: &effects)
            case .tooLong: self.machine.lineTooLong(into: &self.outputBuffer)
            }
        }
    }

    // MARK: Calls

    mutating func callFinished(
        _ key: SlotKey, _ report: CallReport, _ result: [UInt8], now: Instant, effects: inout [ServerEffect]
    ) {
        self.machine.callFinished(key, report, result: result.span, now: now, into: &self.outputBuffer, effects: &effects)
    }

    mutating func timerFired(now: Instant, rows: (SlotKey) -> Int) {
        self.machine.timerFired(now: now, into: &self.outputBuffer, rows: rows)
    }

    // MARK: Output

    /// Writes as much as the client takes now.
    mutating func flush() {
        while self.written < self.outputBuffer.count, !self.isBlocked, !self.isOutputGone {  // Bound: the bytes of the buffer.
            do throws(SystemError) {
                let end = self.outputBuffer.count
                switch try self.output.write(self.outputBuffer.span.extracting(self.written..<end)) {
                case .moved(let count): self.written += count
                case .wouldBlock, .ended: self.isBlocked = true
                }
            } catch {
                self.isOutputGone = true
            }
        }
        if self.written == self.outputBuffer.count {
            self.outputBuffer.removeAll(keepingCapacity: self.outputBuffer.capacity <= 4 * Self.outputBytesGood)
            self.written = 0
        } else if self.written > Self.outputBytesMax {
            self.outputBuffer.removeFirst(self.written)
            self.written = 0
        }
    }
}
