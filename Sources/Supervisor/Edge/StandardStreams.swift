import Base
import Linux
import SupervisorCore

/// The client on our own stdin and stdout: a connection with two descriptors, which may be pipes, sockets, terminals or plain files,
/// and which others may share. Their flags are left alone, see `StandardStream`.
struct StandardStreams {
    let key: ConnectionKey
    /// The machine wants more of stdin. What it does not want is not even watched: a hang-up would be told again and again.
    var isInputWanted = true
    var isInputWatched = false
    /// No epoll takes stdin, so it is a plain file or the like, where a read never waits.
    var isInputPlain = false
    var isOutputWatched = false
    /// Whether the epoll is to tell when stdout has room.
    var isOutputAwaited = false
}

/// Owns nothing: number 0 stays what it is. Beside the table, as it can be neither copied nor stored in an optional struct.
final class StandardStreamPair {
    let input = StandardStream(reading: .standardInput)
    let output = StandardStream(writing: .standardOutput)
}

extension Reactor {
    /// Called once, before the loop.
    mutating func openStandardStreams() {
        guard let key = self.supervisor.standardStreamsOpened(at: self.now) else {
            preconditionFailure("the first connection is not taken")
        }
        self.standardStreams = StandardStreams(key: key)
        self.standardPair = StandardStreamPair()
        self.watchStandardInput()
        self.watchStandardOutput([])
    }

    /// Whether stdin is to be read without being told that it can.
    var readsPlainFile: Bool {
        guard let streams = self.standardStreams else { return false }
        return streams.isInputPlain && streams.isInputWanted
    }

    private mutating func watchStandardInput() {
        guard let streams = self.standardStreams, streams.isInputWanted != streams.isInputWatched, !streams.isInputPlain else {
            return
        }
        guard streams.isInputWanted else {
            try? self.epoll.remove(.standardInput)
            self.standardStreams?.isInputWatched = false
            return
        }
        do {
            try self.epoll.add(.standardInput, .readable, data: Token(.standardInput).word)
            self.standardStreams?.isInputWatched = true
        } catch {
            // EPERM: a plain file, /dev/null. Whatever else is wrong with it, a read will say.
            self.standardStreams?.isInputPlain = true
        }
    }

    mutating func setStandardInput(isRead: Bool) {
        self.standardStreams?.isInputWanted = isRead
        self.watchStandardInput()
    }

    /// Bound: one buffer a turn, as of every connection.
    mutating func readStandardInput() {
        guard let streams = self.standardStreams, streams.isInputWanted, let pair = self.standardPair else { return }
        var span = self.readBuffer.mutableSpan
        do {
            switch try pair.input.read(into: &span) {
            case .moved(let count):
                let buffer = self.readBuffer
                self.supervisor.bytesReceived(streams.key, buffer.span.extracting(0..<count), at: self.now)
            case .wouldBlock: break  // Expected: whoever shares it made it non-blocking, or was faster.
            case .ended:
                self.setStandardInput(isRead: false)
                self.supervisor.inputEnded(streams.key, at: self.now)
            }
        } catch {
            self.supervisor.connectionLost(streams.key, at: self.now)
        }
    }

    /// Always watched, without events: then it still tells when its reader has gone.
    private mutating func watchStandardOutput(_ events: Epoll.Events) {
        guard let streams = self.standardStreams, let output = self.standardPair?.output.descriptor else { return }
        let data = Token(.standardOutput).word
        if streams.isOutputWatched {
            try? self.epoll.modify(output, events, data: data)
        } else {
            // Expected: EPERM for a plain file, which is always ready.
            self.standardStreams?.isOutputWatched = (try? self.epoll.add(output, events, data: data)) != nil
        }
        self.standardStreams?.isOutputAwaited = !events.isEmpty
    }

    mutating func standardOutputReady(_ events: Epoll.Events) {
        guard let streams = self.standardStreams else { return }
        if !events.isDisjoint(with: [.error, .hangup]) { return self.supervisor.connectionLost(streams.key, at: self.now) }
        if events.contains(.writable) { self.writeStandardOutput() }
    }

    mutating func writeStandardOutput() {
        guard let streams = self.standardStreams, let pair = self.standardPair else { return }
        let written = self.supervisor.withOutput(of: streams.key) { bytes -> Int? in
            var sent = 0
            while sent < bytes.count {  // Bound: the output that is queued, see `limits.stream`.
                switch try? pair.output.write(bytes.extracting(sent..<bytes.count)) {
                case .moved(let count): sent += count
                case .wouldBlock: return sent
                case .ended, nil: return nil
                }
            }
            return sent
        }
        guard let result = written else { return }
        guard let count = result else { return self.supervisor.connectionLost(streams.key, at: self.now) }
        self.supervisor.outputWritten(streams.key, count, at: self.now)
        let hasMore = self.supervisor.hasOutput(streams.key)
        if hasMore != self.standardStreams?.isOutputAwaited { self.watchStandardOutput(hasMore ? .writable : []) }
    }

    /// Nothing more will be written: the reader is to see the end of its stream, whatever we still do. The number stays taken, so
    /// that no later descriptor becomes stdout.
    mutating func endStandardOutput() {
        guard let streams = self.standardStreams, let output = self.standardPair?.output.descriptor else { return }
        if streams.isOutputWatched { try? self.epoll.remove(output) }
        self.standardStreams?.isOutputWatched = false
        if output != .standardOutput { output.close() }
        self.standardPair = nil
        try? FileDescriptor.standardOutput.becomeNull()
    }

    mutating func closeStandardStreams() {
        self.setStandardInput(isRead: false)
        self.endStandardOutput()
        try? FileDescriptor.standardInput.becomeNull()
        self.standardStreams = nil
    }
}
