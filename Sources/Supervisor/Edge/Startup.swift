import Base
import Linux
import MCP
import SupervisorCore

/// What `run` opens and finds before the loop begins: sockets, the worker program, the sample's place.
struct Startup {
    struct Failure: Error {
        let code: ExitCode
        let text: String
    }

    let sockets: OpenListeners
    let command: WorkerCommand

    /// `hasKeys`: whether any credential could open a listener that requires one.
    init(_ configuration: Configuration, hasKeys: Bool) throws(Failure) {
        let worker = try Programs.worker()
        self.sockets = try OpenListeners(configuration, hasKeys: hasKeys)
        self.command = WorkerCommand(
            workerProgram: worker, samplePath: try SampleDatabase.prepare(configuration, worker: worker))
    }

    /// Lines of the log before anything has happened.
    var events: [LogEvent] {
        let addresses = self.sockets.endpoints.map { endpoint in
            endpoint.asked == endpoint.bound || endpoint.bound.isUnix ? "\(endpoint.asked)" : "\(endpoint.bound)"
        }
        var events: [LogEvent] = []
        if !addresses.isEmpty {
            events.append(LogEvent(.info, "listening", [.text("addresses", addresses.joined(separator: ", "))]))
        }
        if Processes.userID == 0 {
            events.append(LogEvent(.warning, "running as root, and so do all workers; use a user of its own where you can"))
        }
        return events
    }

    static func sessionID() -> SessionID {
        guard let bytes = try? Entropy.bytes(count: 16) else { preconditionFailure("the kernel gives no random bytes") }
        let words = bytes.enumerated().reduce(into: (UInt64(0), UInt64(0))) { words, byte in
            if byte.offset < 8 {
                words.0 = words.0 << 8 | UInt64(byte.element)
            } else {
                words.1 = words.1 << 8 | UInt64(byte.element)
            }
        }
        return SessionID(high: words.0, low: words.1)
    }
}

extension SystemError {
    /// For a file or directory that could not be used.
    var exitCode: ExitCode {
        switch self.errno {
        case .accessDenied, .permission, .readOnlyFileSystem: .permission
        default: .unavailable
        }
    }
}

extension LogEvent.Level {
    /// Our own log knows four of the eight.
    init(_ level: LogLevel) {
        switch level {
        case .debug: self = .debug
        case .info, .notice: self = .info
        case .warning: self = .warning
        case .error, .critical, .alert, .emergency: self = .error
        }
    }
}
