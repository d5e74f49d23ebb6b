import Base
import Linux
import SupervisorCore

extension WorkerProcess {
    /// Starts a worker. Whatever fails half-way, nothing of it is left: no descriptor and no process. Every pair is owned until the
    /// process exists; its ends close with this function then.
    static func start(
        _ launch: WorkerCommand.Launch, program: [UInt8], key: WorkerKey, server: String
    ) throws(SystemError) -> WorkerProcess {
        let errors = try DescriptorPair.pipe(nonblocking: false)
        // Only our ends: the flag belongs to the open file, and a worker may rely on its ends blocking.
        try errors.first.descriptor.setNonblocking(true)
        var process = WorkerProcess(key: key, server: server, isSocket: launch.usesSocket)
        var spawn = Spawn(
            program: program, arguments: launch.arguments, environment: launch.environment, directory: launch.directory,
            descriptors: [])
        if launch.usesSocket {
            let channel = try DescriptorPair.sockets(nonblocking: false)
            try channel.first.descriptor.setNonblocking(true)
            spawn.descriptors = [channel.second.descriptor, channel.second.descriptor, errors.second.descriptor]
            process.take(try spawn.start())
            process.output = Self.keepFirst(channel)
            process.input = process.output
        } else {
            let input = try DescriptorPair.pipe(nonblocking: false)
            let output = try DescriptorPair.pipe(nonblocking: false)
            let lifeline = try DescriptorPair.pipe(nonblocking: false)
            try input.second.descriptor.setNonblocking(true)
            try output.first.descriptor.setNonblocking(true)
            spawn.descriptors = [
                input.first.descriptor, output.second.descriptor, errors.second.descriptor, lifeline.first.descriptor,
            ]
            process.take(try spawn.start())
            process.input = Self.keepSecond(input)
            process.output = Self.keepFirst(output)
            process.lifeline = Self.keepSecond(lifeline)
        }
        process.errors = Self.keepFirst(errors)
        return process
    }

    private mutating func take(_ child: Spawn.Child) {
        self.pid = child.pid
        self.pidFD = child.pidFD
    }

    /// Closes the other end, which is the worker's alone from now on.
    private static func keepFirst(_ pair: consuming DescriptorPair) -> FileDescriptor {
        let (first, second) = pair.release()
        second.close()
        return first
    }

    private static func keepSecond(_ pair: consuming DescriptorPair) -> FileDescriptor {
        let (first, second) = pair.release()
        first.close()
        return second
    }

    /// Ends a process that nobody can watch, and waits for that: some milliseconds, in a case that should not occur.
    consuming func abandon() {
        if let pidFD = self.pidFD {
            // The guard of a third-party server kills all descendants at once; should it be stuck, its group is killed.
            if self.lifeline != nil { _ = try? pidFD.send(.quit) } else { _ = try? Processes.signalGroup(self.pid, .kill) }
            if ((try? pidFD.reap(within: .milliseconds(500))) ?? nil) == nil {
                _ = try? Processes.signalGroup(self.pid, .kill)
                _ = try? pidFD.reap(within: .milliseconds(500))
            }
        }
        self.closeAll()
    }

    /// Closes every descriptor that is left.
    consuming func closeAll() {
        if !self.isSocket { self.input?.close() }
        self.output?.close()
        self.errors?.close()
        self.lifeline?.close()
        self.pidFD?.close()
    }
}
