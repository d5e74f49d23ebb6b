import Base
import Linux
import Synchronization
import Wire
import WorkerCore

/// The one process loop: standard input to the machine, calls to lanes, answers to standard output.
///
/// One thread *leads*: it alone touches the machine and the buffers. It runs calls itself, so a short call costs no wake-up of
/// another thread. A second thread *watches*: when a call runs longer than a tick, it takes the lead over, and the thread that is
/// still in that call hands in its answer later. So a slow call never delays another, a cancellation or a ping, and threads
/// appear only when calls are slow: at most one per lane and one more.
///
///     leading ──call──▶ leading + running ──done──▶ leading
///                             │ a tick later
///                             ▼
///     watching ──▶ leading    running ──done──▶ spare ──needed──▶ watching
final class WorkerLoop: @unchecked Sendable {
    /// A call that runs longer than one to two of these gives up the lead.
    private static let tick = Interval.milliseconds(2)
    /// Ticks without a call after which the watcher sleeps until it is woken.
    private static let idleTicksMax = 50
    /// Ticks that it stays awake after that.
    private static let wakefulTicks = 5
    private static let stackBytes = 512 << 10

    private let shared: Handover
    private let configuration: SQLConfiguration
    // Everything below belongs to the thread that leads.
    private var channel: ChannelState
    private var lanes: [Lane]
    private var freeLanes: [Int]
    /// Calls the machine has started, oldest first. Bound: the machine's `concurrency`.
    private var started = Queue<StartedCall>()
    /// Calls in a lane whose thread no longer leads.
    private var displaced: [RunningCall] = []
    private var ticket: UInt64 = 0
    private var hasWatcher = false
    /// The lane that may hold read transactions open, and since when.
    private var openLane: Int?
    private var openedAt = Instant(nanoseconds: 0)

    private struct StartedCall {
        let key: SlotKey
        let call: ToolCall
    }

    private struct RunningCall {
        /// Nil once the call was answered although its lane is still inside the engine.
        var key: SlotKey?
        let lane: Int
        let style: ResultStyle
        /// When the engine is interrupted from outside for the next time.
        var interruptAt = Instant.distantFuture
    }

    /// Longest time that a read transaction is kept open over several calls: a writer waits no longer.
    private static let readMax = Interval.milliseconds(2)

    init(_ configuration: SQLConfiguration, input: FileDescriptor, output: FileDescriptor) throws(SystemError) {
        self.shared = try Handover()
        self.configuration = configuration
        self.channel = ChannelState(ServerState(configuration), input: input, output: output, wake: self.shared.wake)
        self.lanes = (0..<configuration.limits.concurrency).map { _ in Lane(configuration) }
        self.freeLanes = Array((0..<configuration.limits.concurrency).reversed())
    }

    /// Called once, by the thread that leads first. Never returns: the leader ends the process when its work is done.
    func run() throws -> Never {
        self.lead()
        self.stayInReserve()
    }

    // MARK: Roles

    /// Returns when another thread has taken the lead and this thread's call is done.
    private func lead() {
        while true {
            self.collect()
            guard self.runStarted() else { return }
            self.channel.flush()
            if self.channel.isDone(isIdle: self.displaced.isEmpty, now: SystemClock.now()) {
                ProcessEnd.exit(self.channel.exitCode)
            }
            self.wait()
            self.handleTimers()
            var effects: [ServerEffect] = []
            self.channel.read(now: SystemClock.now(), effects: &effects)
            self.apply(effects)
        }
    }

    /// Takes the lead from a thread that has been in the same call since the last tick.
    private func watch() {
        var last: UInt64 = 0
        var idleTicks = 0
        while true {
            if idleTicks < Self.idleTicksMax {
                self.shared.sleep(Self.tick)
            } else {
                self.shared.sleepUntilCalled()
                // A few ticks at least: calls that follow each other closely must not wake this thread one by one.
                idleTicks = Self.idleTicksMax - Self.wakefulTicks
            }
            let current = self.shared.runningTicket
            if current != 0, current == last, self.shared.claim(current) {
                self.takeLead()
                return self.lead()
            }
            idleTicks = current == 0 ? idleTicks + 1 : 0
            last = current
        }
    }

    /// What changes hands with the lead: the call of the thread before is one that another thread must stop now.
    private func takeLead() {
        self.hasWatcher = false
        self.openedAt = Instant(nanoseconds: 0)
        for index in self.displaced.indices where self.displaced[index].interruptAt == .distantFuture {
            self.displaced[index].interruptAt = self.lanes[self.displaced[index].lane].control.deadline + Self.slack
        }
    }

    private func stayInReserve() -> Never {
        while true {
            self.shared.waitInReserve()
            self.watch()
        }
    }

    private func callWatcher() {
        guard !self.hasWatcher else { return self.shared.rouseWatcher() }
        self.hasWatcher = true
        if self.shared.callReserve() { return }
        do throws(SystemError) {
            try Thread.start(stackBytes: Self.stackBytes) {
                self.watch()
                self.stayInReserve()
            }
        } catch {
            // Without a second thread a slow call holds up the others, and still ends by its deadline.
            self.hasWatcher = false
        }
    }

    // MARK: Calls

    private func apply(_ effects: [ServerEffect]) {
        for effect in effects {
            switch effect {
            case .start(let key, let call): self.started.append(StartedCall(key: key, call: call))
            case .cancel(let key): self.cancel(key)
            }
        }
    }

    private func cancel(_ key: SlotKey) {
        if let running = self.displaced.first(where: { $0.key == key }) { return self.lanes[running.lane].control.cancel() }
        // Started by the machine, but no lane was free for it yet.
        var isWaiting = false
        self.started.removeAll { call in
            if call.key == key { isWaiting = true }
            return call.key == key
        }
        if isWaiting { self.finish(key, CallReport(), []) }
    }

    private func finish(_ key: SlotKey, _ report: CallReport, _ result: [UInt8]) {
        var effects: [ServerEffect] = []
        self.channel.callFinished(key, report, result, now: SystemClock.now(), effects: &effects)
        self.apply(effects)
    }

    /// Runs what was started. False when another thread leads now.
    private func runStarted() -> Bool {
        while let lane = self.freeLanes.last, let next = self.started.popFirst() {
            self.freeLanes.removeLast()
            if self.openLane != lane { self.endReads() }
            self.openLane = nil
            self.callWatcher()
            self.ticket += 1
            let ticket = self.ticket
            self.displaced.append(RunningCall(key: next.key, lane: lane, style: next.call.style))
            self.lanes[lane].begin()
            self.shared.startCall(ticket)
            self.lanes[lane].run(next.call)
            guard self.shared.claim(ticket) else {
                self.lanes[lane].endReads()
                self.shared.handIn(lane)
                return false
            }
            self.displaced.removeLast()
            self.freeLanes.append(lane)
            self.openLane = lane
            if self.openedAt.nanoseconds == 0 { self.openedAt = SystemClock.now() }
            self.finish(next.key, self.lanes[lane].report, self.lanes[lane].result)
            if self.channel.shouldFlush { self.channel.flush() }
        }
        return true
    }

    /// Takes in the answers of threads that lost the lead.
    private func collect() {
        for lane in self.shared.takeHandedIn() {
            guard let index = self.displaced.firstIndex(where: { $0.lane == lane }) else { continue }
            let call = self.displaced.remove(at: index)
            self.freeLanes.append(lane)
            if let key = call.key { self.finish(key, self.lanes[lane].report, self.lanes[lane].result) }
        }
    }

    private func endReads() {
        guard let lane = self.openLane else { return }
        self.lanes[lane].endReads()
        self.openLane = nil
        self.openedAt = Instant(nanoseconds: 0)
    }

    /// Answers a call that is inside one long instruction of the engine, where nothing stops it. Its lane stays taken.
    private func giveUp(_ index: Int) {
        guard let key = self.displaced[index].key else { return }
        self.displaced[index].key = nil
        var report = CallReport()
        let failure = ToolFailure.timeout(self.configuration.limits.queryTime)
        report.failure = failure
        var result: [UInt8] = []
        ResultObject.append(failure, self.displaced[index].style, to: &result)
        self.finish(key, report, result)
    }

    // MARK: Waiting

    private func wait() {
        // A little patience keeps a read transaction over the next message; nothing may block while one is open.
        if self.openLane != nil {
            if SystemClock.now() - self.openedAt < Self.readMax, self.channel.poll(timeout: .zero) { return }
            self.endReads()
        }
        var deadline = self.channel.nextDeadline
        for call in self.displaced { deadline = min(deadline ?? .distantFuture, call.interruptAt) }
        _ = self.channel.poll(timeout: deadline.map { $0 - SystemClock.now() })
    }

    /// How late the engine's own check of the deadline may be before it is interrupted from outside.
    private static let slack = Interval.milliseconds(20)
    /// How late a call may be before it is given up.
    private static let patience = Interval.seconds(2)
    private static let interruptPeriod = Interval.milliseconds(100)

    private func handleTimers() {
        let now = SystemClock.now()
        for index in self.displaced.indices where self.displaced[index].interruptAt <= now {
            self.lanes[self.displaced[index].lane].control.interrupt()
            self.displaced[index].interruptAt = now + Self.interruptPeriod
            if self.lanes[self.displaced[index].lane].control.deadline + Self.patience <= now { self.giveUp(index) }
        }
        if self.displaced.count == self.lanes.count, self.displaced.allSatisfy({ $0.key == nil }) {
            // No lane is left and none will come back soon: whoever started this process starts another.
            self.channel.flush()
            ProcessEnd.exit(WorkerProcess.ExitCode.ourBug)
        }
        self.channel.timerFired(now: now) { key in
            self.displaced.first { $0.key == key }.map { self.lanes[$0.lane].control.rows } ?? 0
        }
        if self.channel.takeGraceEnd(now) { for call in self.displaced { self.lanes[call.lane].control.cancel() } }
    }
}
