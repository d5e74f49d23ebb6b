public import Base
import MCP
import Wire

/// The lives of worker processes: start, handshake, death, back-off.
extension Supervisor {
    /// The driver could not or need not do more than report: the process exists.
    public mutating func workerSpawned(_ key: WorkerKey, processID: Int32, at now: Instant) {
        guard self.workers.contains(key) else { return }
        let server = self.workers[key].server
        self.workers[key].processID = processID
        self.log(.debug, "spawned a worker", [.text("server", self.servers[server].name), .number("workerPid", Int(processID))])
        guard self.workers[key].state == .starting else {
            // It was stopped while it was being started: what it was to be told may have found nobody.
            if case .stopping(let step) = self.workers[key].state { self.tellToStop(key, step) }
            return
        }
        guard self.workers[key].role == .serving else { return self.askEra(key, at: now) }
        self.workers[key].state = .handshaking
        self.workers[key].deadline = now + self.servers[server].configuration.workers.startTimeout
        self.timers.add(.worker(key), at: self.workers[key].deadline)
        self.sendHandshake(key, self.servers[server].era)
    }

    mutating func sendHandshake(_ key: WorkerKey, _ era: Revision.Era) {
        var line: [UInt8] = []
        Handshake.append(for: era, self.servers[self.workers[key].server].capabilities, to: &line)
        self.sendLine(line.span, to: key)
    }

    /// The process has ended, or could not be started. Its stdout may still hold answers, see `workerOutputEnded`.
    public mutating func workerExited(_ key: WorkerKey, _ exit: WorkerExit, at now: Instant) {
        guard self.workers.contains(key) else { return }
        self.workers[key].exit = exit
        if case .notStarted = exit { self.workers[key].outputEnded = true }
        if !self.workers[key].outputEnded {
            // A descendant may hold its stdout open for ever; what the worker itself wrote is there by then.
            self.workers[key].deadline = now + Swift.min(Self.outputAfterExit, self.stopGrace(at: now))
            self.timers.add(.worker(key), at: self.workers[key].deadline)
        }
        self.finishWorker(key, at: now)
        self.finishEvent(at: now)
    }

    /// How long the output of a worker that has exited is waited for.
    static let outputAfterExit = Interval.seconds(1)

    /// The worker's stdout is at its end: every answer it gave has been read.
    public mutating func workerOutputEnded(_ key: WorkerKey, at now: Instant) {
        guard self.workers.contains(key), !self.workers[key].outputEnded else { return }
        self.workers[key].outputEnded = true
        if self.workers[key].exit == nil {
            // Alive and mute: it can never answer again.
            if case .stopping = self.workers[key].state {} else { self.stopWorker(key, step: .terminated, at: now) }
        }
        self.finishWorker(key, at: now)
        self.finishEvent(at: now)
    }

    /// The worker has closed its stdin, or nobody is at the other end any more. What it has received it may still answer; what is queued
    /// it never gets, so it is sent no more calls and has to go.
    public mutating func workerInputLost(_ key: WorkerKey, at now: Instant) {
        guard self.workers.contains(key), self.workers[key].exit == nil else { return }
        if case .stopping = self.workers[key].state { return }
        self.stopWorker(key, step: .inputClosed, at: now)
        self.finishEvent(at: now)
    }

    // MARK: Start

    mutating func startWorker(_ server: Int, at now: Instant) {
        guard self.servers[server].worker == nil, !self.isDraining, !self.servers[server].isRetired else { return }
        guard self.spawnBudget.take(at: now) else {
            // Too many spawns in all: this one waits for its turn.
            return self.timers.add(.restart(server: server), at: self.spawnBudget.nextToken(at: now))
        }
        let isProbe = self.servers[server].eraProbe.processStarting(wallSeconds: self.wallSeconds)
        let worker = Worker(
            server: server, role: isProbe ? .probe : .serving,
            splitter: LineSplitter(lineBytesMax: self.configuration.limits.lineBytesMax), startedAt: now, deadline: .distantFuture
        )
        guard let key = self.workers.insert(worker) else {
            preconditionFailure("more workers than servers")
        }
        self.servers[server].worker = key
        self.servers[server].epoch += 1
        self.servers[server].logLevel = nil
        self.servers[server].cursorTag = Cursor.tag(
            salt: self.cursorSalt, server: server, epoch: self.servers[server].epoch)
        self.failStaleCursors(server, at: now)
        self.effects.append(.spawnWorker(key, server: self.servers[server].definition))
    }

    /// The answer to the first request on the channel.
    mutating func handshakeAnswered(_ key: WorkerKey, _ envelope: JSONRPCEnvelope, _ message: Span<UInt8>, at now: Instant) {
        let server = self.workers[key].server
        let name = self.servers[server].name
        do {
            let identity = try Handshake.identity(
                self.servers[server].era, name: name, envelope, self.workerScanner.members, message)
            self.servers[server].identified(identity)
        } catch {
            if self.eraRefuted(key, hasAnswered: error == .refused, at: now) { return }
            let why =
                switch error {
                case .refused: "it answered the handshake with an error"
                case .revision: "it speaks no MCP revision that this supervisor knows"
                case .malformed: "its handshake answer lacks required members"
                }
            self.log(.error, "a worker cannot be used", [.text("server", name), .text("why", why)])
            return self.stopWorker(key, step: .terminated, at: now)
        }
        self.eraConfirmed(server)
        if self.servers[server].era == .legacy { self.sendLine(Handshake.initialized, to: key) }
        self.workers[key].state = .ready
        self.workers[key].readyAt = now
        self.servers[server].restart.workerReady(at: now)
        self.log(
            .info, "a worker is ready",
            [
                .text("server", name), .number("workerPid", Int(self.workers[key].processID)),
                .milliseconds("startMs", now - self.workers[key].startedAt),
            ])
        self.beginServing(server)
        self.updateWorkerLogLevel(server)
        self.attachSubscriptions(server, at: now)
        self.beginListening(key)
        self.compareLists(key)
        self.askForTools(server, at: now)
        self.answerHandshakeWaiters(server, at: now)
        self.spreadQueue(server, at: now)
        self.pumpQueue(server, at: now)
    }

    /// The default server's first worker is ready, or it is clear that there is none for now: whoever started the supervisor need
    /// not wait any longer, and other servers may be fine.
    private mutating func beginServing(_ server: Int) {
        guard self.lifecycle == .starting, server == self.configuration.defaultServer else { return }
        self.lifecycle = .serving
        self.effects.append(.ready)
    }

    // MARK: Stop

    /// Begins or continues the stop order: end of input, SIGTERM, SIGKILL, each with its own time.
    mutating func stopWorker(_ key: WorkerKey, step: Worker.StopStep, at now: Instant) {
        if case .stopping = self.workers[key].state {} else if step == .terminated { self.effects.append(.closeWorkerInput(key)) }
        self.workers[key].state = .stopping(step)
        self.tellToStop(key, step)
        let grace = self.stopGrace(at: now)
        let isDiscarded = self.workers[key].role == .discarded
        self.workers[key].deadline = now + (isDiscarded ? Swift.min(grace, Worker.discardedGrace) : grace)
        self.timers.add(.worker(key), at: self.workers[key].deadline)
    }

    private mutating func tellToStop(_ key: WorkerKey, _ step: Worker.StopStep) {
        switch step {
        case .inputClosed: self.effects.append(.closeWorkerInput(key))
        case .terminated: self.effects.append(.signalWorker(key, .terminate))
        case .killed: self.effects.append(.signalWorker(key, .kill))
        }
    }

    mutating func workerTimerDue(_ key: WorkerKey, at now: Instant) {
        guard self.workers.contains(key), self.workers[key].deadline <= now else { return }
        guard self.workers[key].exit == nil else { return self.workerOutputEnded(key, at: now) }
        switch self.workers[key].state {
        case .starting: break
        case .ready: self.changesListenDue(key, at: now)
        case .probing: self.eraShown(key, .silent, at: now)
        case .handshaking:
            if self.eraRefuted(key, hasAnswered: false, at: now) { return }
            let name = self.servers[self.workers[key].server].name
            self.log(.error, "a worker did not finish its handshake in time", [.text("server", name)])
            self.stopWorker(key, step: .terminated, at: now)
        case .stopping(.inputClosed): self.stopWorker(key, step: .terminated, at: now)
        case .stopping(.terminated): self.stopWorker(key, step: .killed, at: now)
        case .stopping(.killed):
            // The kernel holds it (state D). Nothing stronger exists; look again.
            self.stopWorker(key, step: .killed, at: now)
        }
    }

    // MARK: Death

    /// Ends the worker's record once it has been reaped and its channel has been read to the end. Every call that it had gets its
    /// one answer here.
    private mutating func finishWorker(_ key: WorkerKey, at now: Instant) {
        guard self.workers[key].outputEnded, let exit = self.workers[key].exit else { return }
        guard let worker = self.workers.remove(key) else { return }
        self.effects.append(.closeWorker(key))
        let server = worker.server
        if self.servers[server].worker == key {
            self.servers[server].worker = nil
            self.detachSubscriptions(server, isExpected: worker.isRetiring)
            self.servers[server].toolRules.workerLost()
        }
        if worker.role != .serving {
            self.probeEnded(worker, exit, at: now)
            return self.continueDrain(at: now)
        }
        if !exit.isShortage, !worker.isRetiring { self.servers[server].deaths += 1 }
        let lost = self.failCalls(of: key, worker, exit, at: now)
        let isExpected = self.isDraining || worker.isRetiring
        if !isExpected { self.endSessions(of: server, at: now) }
        self.log(
            isExpected ? .info : .warning, "a worker ended",
            [
                .text("server", self.servers[server].name), .number("workerPid", Int(worker.processID)),
                .text("exit", exit.description), .number("callsLost", lost),
            ])
        if self.isDraining {
            self.failQueue(server, "the supervisor is shutting down", at: now)
        } else if worker.isRetiring, !RestartPolicy.isFatal(exit, wasReady: worker.readyAt != nil) {
            // Not before a client needs it, which one may while it was ending.
            self.servers[server].restart = RestartPolicy(limits: self.configuration.restart)
            self.startWorker(server, at: now)
        } else {
            if worker.readyAt == nil, !exit.isShortage { self.refuteEra(server, hasAnswered: false) }
            self.planRestart(server, worker, exit, at: now)
        }
        self.continueDrain(at: now)
    }

    /// Returns how many calls were lost. The error says whether the worker had received the request, so that a client knows whether
    /// repeating it can do something twice.
    private mutating func failCalls(of key: WorkerKey, _ worker: Worker, _ exit: WorkerExit, at now: Instant) -> Int {
        var lost = 0
        for call in self.calls.keys {  // Bound: the calls in flight.
            guard case .dispatched(let owner, let start, _) = self.calls[call].state, owner == key else { continue }
            if self.repeatCall(call, at: now) { continue }
            lost += 1
            let text =
                worker.sentTotal > start
                ? "the worker ended before it answered; it had received the request and may have acted on it"
                : "the worker ended before it received the request"
            var data = [UInt8](#"{"delivered":"#)
            data.append(Self.delivered(self.calls[call], sent: worker.sentTotal))
            data.append(#","workerExit":"#)
            data.appendJSON(string: exit.description)
            data.append(0x7D)
            self.fail(call, text, data: data, at: now)
        }
        return lost
    }

    mutating func planRestart(_ server: Int, _ worker: Worker, _ exit: WorkerExit, at now: Instant) {
        let lived = worker.readyAt.map { now - $0 }
        let decision = self.servers[server].restart.workerDied(
            exit: exit, lived: lived, hasServed: worker.hasServed, at: now, jitter: &self.jitter)
        switch decision {
        case .startNow: self.startWorker(server, at: now)
        case .armTimer(let when):
            self.timers.add(.restart(server: server), at: when)
            if exit.isShortage { self.beginServing(server) }
        case .openCircuit(let until):
            self.log(
                .error, "a server keeps failing; it is not restarted for a while",
                [.text("server", self.servers[server].name), .milliseconds("waitMs", until - now)])
            self.timers.add(.restart(server: server), at: until)
            self.giveUpWaiting(server, at: now)
        case .giveUp:
            self.log(
                .error, "a server failed for good; correct its configuration and restart the supervisor",
                [.text("server", self.servers[server].name), .text("exit", exit.description)])
            self.giveUpWaiting(server, at: now)
        }
    }

    /// Nobody waits for a server that is not coming back soon.
    private mutating func giveUpWaiting(_ server: Int, at now: Instant) {
        self.failQueue(server, self.servers[server].whyRefused, at: now)
        self.beginServing(server)
    }

    mutating func restartTimerDue(_ server: Int, at now: Instant) {
        guard self.servers[server].worker == nil, !self.isDraining, !self.servers[server].isRetired else { return }
        if case .open = self.servers[server].restart.state { self.servers[server].eraProbe.anotherChance() }
        if self.servers[server].restart.timerFired(at: now) == .startWorker { self.startWorker(server, at: now) }
    }

    /// Answers every call that waits for a worker of this server.
    mutating func failQueue(_ server: Int, _ text: String, at now: Instant) {
        let wait = Self.retryAfter(self.servers[server].restart.retryAfter(at: now) ?? .seconds(1))
        var waiting: [CallKey] = []
        swap(&waiting, &self.servers[server].awaitingHandshake)
        while let key = self.servers[server].queue.popFirst() { waiting.append(key) }
        waiting += self.servers[server].toolRules.waiting
        for key in waiting {  // Bound: `limits.calls`.
            self.fail(key, text, status: 503, headers: wait, at: now)
        }
        self.giveUpSubscriptions(server, text, at: now)
    }
}

extension WorkerExit: CustomStringConvertible {
    public var description: String {
        switch self {
        case .exited(let status): "exit status \(status)"
        case .signalled(let signal): "signal \(signal)"
        case .notStarted(let errno): "not started, errno \(errno)"
        }
    }
}
