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
        let launch = self.command.launch(self.configuration.servers[server])
        while self.processes.count <= Int(key.slot) { self.processes.append(nil) }  // Bound: one worker a server.
        do {
            var process = try self.start(launch, key)
            try self.watch(&process)
            self.processes[Int(key.slot)] = process
            self.supervisor.workerSpawned(key, processID: process.pid, at: self.now)
        } catch {
            self.log.write(
                LogEvent(
                    .error, "cannot start a worker",
                    [.text("server", self.configuration.servers[server].name), .text("error", error.description)]))
            self.supervisor.workerExited(key, .notStarted(error.errno.rawValue), at: self.now)
        }
    }

    private func start(_ launch: WorkerCommand.Launch, _ key: WorkerKey) throws(SystemError) -> WorkerProcess {
        var process = WorkerProcess(key: key, isSocket: launch.usesSocket)
        let errors = try DescriptorPair.pipe(nonblocking: false).release()
        var theirs: [FileDescriptor] = []
        var ours = [errors.first]
        do throws(SystemError) {
            if launch.usesSocket {
                let channel = try DescriptorPair.sockets(nonblocking: false).release()
                theirs = [channel.second, errors.second]
                ours.append(channel.first)
                process.input = channel.first
                process.output = channel.first
            } else {
                let input = try DescriptorPair.pipe(nonblocking: false).release()
                theirs = [input.first, errors.second]
                ours.append(input.second)
                let output = try DescriptorPair.pipe(nonblocking: false).release()
                theirs.append(output.second)
                ours.append(output.first)
                let lifeline = try DescriptorPair.pipe(nonblocking: false).release()
                theirs.append(lifeline.first)
                ours.append(lifeline.second)
                process.input = input.second
                process.output = output.first
                process.lifeline = lifeline.second
            }
            process.errors = errors.first
            // Only our ends: the flag belongs to the open file, and a worker may rely on its ends blocking.
            for descriptor in ours { try descriptor.setNonblocking(true) }
            let child = try Spawn(
                program: self.command.workerProgram, arguments: launch.arguments, environment: launch.environment,
                directory: launch.directory,
                descriptors: launch.usesSocket
                    ? [theirs[0], theirs[0], theirs[1]] : [theirs[0], theirs[2], theirs[1], theirs[3]]
            ).start()
            process.pid = child.pid
            process.pidFD = child.pidFD
        } catch {
            for descriptor in ours + theirs { descriptor.close() }
            throw error
        }
        for descriptor in theirs { descriptor.close() }
        return process
    }

    private func watch(_ process: inout WorkerProcess) throws(SystemError) {
        if let output = process.output { try self.epoll.add(output, .readable, data: Token(.workerOutput, process.key).word) }
        if let errors = process.errors { try self.epoll.add(errors, .readable, data: Token(.workerErrors, process.key).word) }
        if let pidFD = process.pidFD {
            try self.epoll.add(pidFD.descriptor, .readable, data: Token(.workerExit, process.key).word)
        }
        // A pipe's write end only reports room and the loss of its reader.
        if let input = process.input, !process.isSocket {
            try self.epoll.add(input, [], data: Token(.workerInput, process.key).word)
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
            // Nobody reads any more. What is queued counts as not delivered; the exit or the end of output decides the rest.
            return self.endInput(index)
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
        guard let status = (try? pidFD.reap()) ?? nil else { return }
        pidFD.close()
        self.processes[index]?.pidFD = nil
        // Answers that it wrote before it died are still in the channel.
        while let output = self.processes[index]?.output, let count = self.readRest(output), count > 0 {  // Bound: a full pipe.
            let buffer = self.readBuffer
            self.supervisor.workerBytes(process.key, buffer.span.extracting(0..<count), at: self.now)
        }
        self.readErrors(index)
        self.supervisor.workerOutputEnded(process.key, at: self.now)
        self.supervisor.workerExited(process.key, status.workerExit, at: self.now)
    }

    private mutating func readRest(_ output: FileDescriptor) -> Int? {
        var span = self.readBuffer.mutableSpan
        guard case .moved(let count) = try? output.read(into: &span) else { return nil }
        return count
    }

    mutating func closeWorker(_ key: WorkerKey) {
        guard let index = self.index(key), let process = self.processes[index] else { return }
        self.processes[index] = nil
        if !process.isSocket { process.input?.close() }
        process.output?.close()
        process.errors?.close()
        process.lifeline?.close()
        process.pidFD?.close()
    }

    // MARK: stderr

    mutating func workerErrorsReady(_ token: Token) {
        guard let index = self.index(token) else { return }
        self.readErrors(index)
    }

    /// Reads what is there and logs it by lines, at most so many bytes a second.
    private mutating func readErrors(_ index: Int) {
        guard let errors = self.processes[index]?.errors else { return }
        var span = self.readBuffer.mutableSpan
        switch try? errors.read(into: &span) {
        case .wouldBlock: return
        case .ended, nil:
            errors.close()
            self.processes[index]?.errors = nil
            self.logErrorLine(index)
        case .moved(let count):
            for position in 0..<count {
                let byte = self.readBuffer[position]
                if byte == 0x0A {
                    self.logErrorLine(index)
                } else if self.processes[index]?.errorLine.count ?? 0 < self.configuration.limits.stderrLineBytesMax {
                    self.processes[index]?.errorLine.append(byte)
                }
            }
        }
    }

    private mutating func logErrorLine(_ index: Int) {
        guard var process = self.processes[index], !process.errorLine.isEmpty else { return }
        let second = self.now.nanoseconds / 1_000_000_000
        if process.errorSecond != second {
            process.errorSecond = second
            process.errorAllowance = self.configuration.limits.stderrRateMax
        }
        var fields: [LogEvent.Field] = [.number("workerPid", Int(process.pid))]
        if process.errorLine.count <= process.errorAllowance {
            process.errorAllowance -= process.errorLine.count
            if process.errorBytesDropped > 0 { fields.append(.number("bytesDroppedBefore", process.errorBytesDropped)) }
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
