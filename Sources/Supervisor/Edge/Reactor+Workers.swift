import Base
import Linux
import SupervisorCore

/// Worker processes and their channels.
extension Reactor {
    private func index(_ token: Token) -> Int? {
        let slot = Int(token.key.slot)
        guard slot < self.processes.count, let process = self.processes[slot], token.names(process.key) else { return nil }
        return slot
    }

    private func index(_ key: WorkerKey) -> Int? {
        let slot = Int(key.slot)
        guard slot < self.processes.count, self.processes[slot]?.key == key else { return nil }
        return slot
    }

    // MARK: Start

    mutating func spawnWorker(_ key: WorkerKey, _ server: Int) {
        let configuration = self.configuration.servers[server]
        while self.processes.count <= Int(key.slot) { self.processes.append(nil) }  // Bound: one worker a server.
        do {
            let process = try WorkerProcess.start(
                self.command.launch(configuration), program: self.command.workerProgram, key: key, server: configuration.name)
            try self.watchExit(process)
            self.processes[Int(key.slot)] = process
            self.supervisor.workerSpawned(key, processID: process.pid, at: self.now)
            try self.watchChannel(process)
        } catch {
            self.log.write(
                LogEvent(
                    .error, "cannot start a worker",
                    [.text("server", configuration.name), .text("error", error.description)]))
            // A process whose end is watched is killed, and reported when it has ended; of any other nothing is left.
            guard self.index(key) == nil else { return self.signalWorker(key, .kill) }
            self.supervisor.workerExited(key, .notStarted(error.errno.rawValue), at: self.now)
        }
    }

    private func watchExit(_ process: WorkerProcess) throws(SystemError) {
        guard let pidFD = process.pidFD else { preconditionFailure("a worker without a process") }
        do {
            try self.epoll.add(pidFD.descriptor, .readable, data: Token(.workerExit, process.key).word)
        } catch {
            process.abandon()
            throw error
        }
    }

    private func watchChannel(_ process: WorkerProcess) throws(SystemError) {
        if let output = process.output { try self.epoll.add(output, .readable, data: Token(.workerOutput, process.key).word) }
        if let errors = process.errors { try self.epoll.add(errors, .readable, data: Token(.workerErrors, process.key).word) }
        // A pipe's write end only reports room and the loss of its reader.
        if let input = process.input, !process.isSocket {
            try self.epoll.add(input, [], data: Token(.workerInput, process.key).word)
        }
    }

    /// Without a place for it the next supervisor probes again, which is no reason to stop this one.
    mutating func rememberEra(_ server: Int, _ era: RememberedEra?) {
        do throws(SystemError) {
            try self.eras.remember(self.configuration.servers[server], era, wallSeconds: SystemClock.wallSeconds())
        } catch {
            self.log.write(
                LogEvent(
                    .warning, "cannot write down the era of a server in the state directory",
                    [.text("server", self.configuration.servers[server].name), .text("error", error.description)]))
        }
    }

    // MARK: Channel

    mutating func workerOutputReady(_ token: Token, _ events: Epoll.Events) {
        guard let index = self.index(token), let key = self.processes[index]?.key else { return }
        if events.contains(.writable) { self.writeWorker(key) }
        if !events.isDisjoint(with: [.readable, .hangup, .error]) { self.readWorker(key) }
    }

    private mutating func readWorker(_ key: WorkerKey) {
        guard let index = self.index(key), let output = self.processes[index]?.output else { return }
        var span = self.readBuffer.mutableSpan
        switch try? output.read(into: &span) {
        case .moved(let count):
            let buffer = self.readBuffer
            self.supervisor.workerBytes(key, buffer.span.extracting(0..<count), at: self.now)
        case .wouldBlock: break
        case .ended, nil:
            try? self.epoll.remove(output)
            self.supervisor.workerOutputEnded(key, at: self.now)
            // Of the one socket for both directions nothing more is heard: what is queued for the worker cannot be waited for. It
            // could not answer it either.
            if self.processes[index]?.isSocket == true { self.endInput(index) }
        }
    }

    mutating func writeWorker(_ key: WorkerKey) {
        guard let index = self.index(key), let process = self.processes[index], let input = process.input else { return }
        let written = self.supervisor.withOutput(ofWorker: key) { bytes -> Int in
            if bytes.isEmpty { return 0 }
            switch process.isSocket ? try? input.send(bytes) : try? input.write(bytes) {
            case .moved(let count): return count
            // A reader that is gone is told by its exit, with certainty and exactly once.
            case .wouldBlock, .ended, nil: return 0
            }
        }
        guard let written else { return }
        self.supervisor.workerInputWritten(key, written, at: self.now)
        let hasMore = self.supervisor.hasOutput(worker: key)
        if hasMore != process.waitsForInput { self.setWaitsForInput(index, hasMore) }
        if !hasMore && process.closesInput { self.endInput(index) }
    }

    private mutating func setWaitsForInput(_ index: Int, _ waits: Bool) {
        guard let process = self.processes[index], let input = process.input else { return }
        self.processes[index]?.waitsForInput = waits
        if process.isSocket {
            try? self.epoll.modify(
                input, waits ? [.readable, .writable] : .readable, data: Token(.workerOutput, process.key).word)
        } else {
            try? self.epoll.modify(input, waits ? .writable : [], data: Token(.workerInput, process.key).word)
        }
    }

    mutating func workerInputReady(_ token: Token, _ events: Epoll.Events) {
        guard let index = self.index(token), let process = self.processes[index] else { return }
        if !events.isDisjoint(with: [.hangup, .error]) {
            // Nobody reads any more. What is queued counts as not delivered.
            self.endInput(index)
            return self.supervisor.workerInputLost(process.key, at: self.now)
        }
        self.writeWorker(process.key)
    }

    mutating func closeWorkerInput(_ key: WorkerKey) {
        guard let index = self.index(key) else { return }
        if self.supervisor.hasOutput(worker: key) {
            self.processes[index]?.closesInput = true
        } else {
            self.endInput(index)
        }
    }

    private mutating func endInput(_ index: Int) {
        guard let process = self.processes[index], let input = process.input else { return }
        self.processes[index]?.input = nil
        if process.isSocket {
            try? input.shutDown(.writing)
        } else {
            input.close()
        }
    }

    // MARK: End

    mutating func signalWorker(_ key: WorkerKey, _ signal: WorkerSignal) {
        guard let index = self.index(key), let process = self.processes[index], let pidFD = process.pidFD else { return }
        switch signal {
        case .terminate: _ = try? pidFD.send(.terminate)
        case .kill:
            guard let lifeline = process.lifeline else {
                _ = try? Processes.signalGroup(process.pid, .kill)
                return
            }
            // The guard kills every descendant, also those that left its session. Should it be stuck itself, the next time ends it.
            _ = try? pidFD.send(.quit)
            lifeline.close()
            self.processes[index]?.lifeline = nil
        }
    }

    mutating func workerEnded(_ token: Token) {
        guard let index = self.index(token), let process = self.processes[index], let pidFD = process.pidFD else { return }
        // What its group still holds goes with it. The process is not reaped yet, so the number is certainly its own.
        _ = try? Processes.signalGroup(process.pid, .kill)
        let status: ExitStatus
        do {
            guard let ended = try pidFD.reap() else { return }
            status = ended
        } catch {
            // Somebody else has reaped it. It has ended in any case, and the event would come again and again.
            status = .exited(code: -1)
        }
        pidFD.close()
        self.processes[index]?.pidFD = nil
        if !process.isSocket { self.guardEnded() }
        // Answers that it wrote before it died are still in the channel. Bound: more than a pipe or socket holds; a descendant that
        // got away may go on writing for ever.
        for _ in 0..<Self.restReadsMax {
            guard let output = self.processes[index]?.output, let count = self.readRest(output) else { break }
            let buffer = self.readBuffer
            self.supervisor.workerBytes(process.key, buffer.span.extracting(0..<count), at: self.now)
        }
        for _ in 0..<Self.restReadsMax {
            guard self.readErrors(index) else { break }
        }
        self.logErrorLine(index)
        self.supervisor.workerOutputEnded(process.key, at: self.now)
        self.supervisor.workerExited(process.key, status.workerExit, at: self.now)
    }

    /// Reads of 64 KiB from the channel of a dead worker.
    private static var restReadsMax: Int { 32 }

    private mutating func readRest(_ output: FileDescriptor) -> Int? {
        var span = self.readBuffer.mutableSpan
        guard case .moved(let count) = try? output.read(into: &span) else { return nil }
        return count
    }

    mutating func closeWorker(_ key: WorkerKey) {
        guard let index = self.index(key), let process = self.processes[index] else { return }
        self.processes[index] = nil
        process.closeAll()
    }

    // MARK: stderr

    mutating func workerErrorsReady(_ token: Token) {
        guard let index = self.index(token) else { return }
        _ = self.readErrors(index)
    }

    /// Reads once what is there and logs it by lines, at most so many bytes a second. Whether there may be more.
    private mutating func readErrors(_ index: Int) -> Bool {
        guard let errors = self.processes[index]?.errors else { return false }
        var span = self.readBuffer.mutableSpan
        switch try? errors.read(into: &span) {
        case .wouldBlock: return false
        case .ended, nil:
            errors.close()
            self.processes[index]?.errors = nil
            self.logErrorLine(index)
            return false
        case .moved(let count):
            var start = 0
            for position in 0..<count where self.readBuffer[position] == 0x0A {
                self.appendErrors(index, start..<position)
                self.logErrorLine(index)
                start = position + 1
            }
            self.appendErrors(index, start..<count)
            return true
        }
    }

    /// Keeps a piece of a line that was read, as much as a line may have.
    private mutating func appendErrors(_ index: Int, _ range: Range<Int>) {
        guard let kept = self.processes[index]?.errorLine.count else { return }
        let room = Swift.max(0, self.configuration.limits.stderrLineBytesMax - kept)
        let end = range.lowerBound + Swift.min(room, range.count)
        self.processes[index]?.errorLine += self.readBuffer[range.lowerBound..<end]
        self.processes[index]?.errorBytesDropped += range.upperBound - end
    }

    private mutating func logErrorLine(_ index: Int) {
        guard var process = self.processes[index], !process.errorLine.isEmpty else { return }
        let second = self.now.nanoseconds / 1_000_000_000
        if process.errorSecond != second {
            process.errorSecond = second
            process.errorAllowance = self.configuration.limits.stderrRateMax
        }
        var fields: [LogEvent.Field] = [.text("server", process.server), .number("workerPid", Int(process.pid))]
        if process.errorLine.count <= process.errorAllowance {
            process.errorAllowance -= process.errorLine.count
            if process.errorBytesDropped > 0 { fields.append(.number("bytesDropped", process.errorBytesDropped)) }
            process.errorBytesDropped = 0
            fields.append(.text("line", String(decoding: process.errorLine, as: UTF8.self)))
            self.log.write(LogEvent(.info, "a worker wrote to stderr", fields))
        } else {
            process.errorBytesDropped += process.errorLine.count
        }
        process.errorLine.removeAll(keepingCapacity: false)
        self.processes[index] = process
    }
}

extension ExitStatus {
    fileprivate var workerExit: WorkerExit {
        switch self {
        case .exited(let code): .exited(code)
        case .killed(let signal, _): .signalled(signal.rawValue)
        }
    }
}
