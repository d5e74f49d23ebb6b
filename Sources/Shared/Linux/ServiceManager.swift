public import Base
import CLinux

/// The service manager that started this process (systemd, or anything that speaks its protocol), by way of libsystemd.
///
/// The library is loaded on first use, and only when NOTIFY_SOCKET, LISTEN_FDS or WATCHDOG_USEC is set: without a manager
/// nothing of it is mapped. Only the supervisor may talk to the manager, so its children must not inherit these variables
/// (`Spawn` passes none).
public enum ServiceManager {
    /// One line of a notification.
    public enum Notice: Sendable {
        case ready
        case stopping
        /// Answers `Type=notify-reload`: goes with the monotonic time, and is followed by `ready`.
        case reloading(at: Instant)
        case watchdog
        /// One line for people; control characters become spaces.
        case status(String)
        /// Asks for that much time from now on, for a start or stop that takes longer than the manager was told. To be
        /// repeated.
        case extendTimeout(Interval)
        case mainProcess(Int32)

        fileprivate var line: String {
            switch self {
            case .ready: "READY=1"
            case .stopping: "STOPPING=1"
            case .reloading(let now): "RELOADING=1\nMONOTONIC_USEC=\(now.nanoseconds / 1000)"
            case .watchdog: "WATCHDOG=1"
            case .status(let text): "STATUS=" + String(decoding: text.utf8.map { $0 < 0x20 ? 0x20 : $0 }, as: UTF8.self)
            case .extendTimeout(let interval): "EXTEND_TIMEOUT_USEC=\(interval.nanoseconds / 1000)"
            case .mainProcess(let pid): "MAINPID=\(pid)"
            }
        }
    }

    /// A listening socket that the manager opened. The caller owns the descriptor: see `Socket.adopt`.
    public struct InheritedSocket: Equatable, Sendable {
        /// `FileDescriptorName=`, or "unknown".
        public let name: String
        public let descriptor: FileDescriptor
    }

    /// Sends `notices` in one datagram. False when there is no manager.
    @discardableResult
    public static func notify(_ notices: Notice...) throws(SystemError) -> Bool {
        let state = notices.map(\.line).joined(separator: "\n")
        let result = SystemCall.uninterrupted { Int(unsafe state.withCString { unsafe clinux_service_notify($0) }) }
        return try SystemCall.check(result, "sd_notify") > 0
    }

    /// How long the manager waits for `watchdog` before it kills us; send it every half of this. nil when it does not wait for
    /// it.
    public static func watchdogInterval() throws(SystemError) -> Interval? {
        let microseconds = try SystemCall.check(Int(clinux_service_watchdog()), "sd_watchdog_enabled")
        return microseconds == 0 ? nil : .microseconds(min(Int64(microseconds), Int64.max / 1000))
    }

    /// The sockets the manager passed, made close-on-exec. Gives each once: the variables that tell of them leave the
    /// environment.
    public static func takeSockets() throws(SystemError) -> [InheritedSocket] {
        var names: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
        let count = try SystemCall.check(unsafe clinux_service_sockets(&names), "sd_listen_fds_with_names")
        defer { unsafe clinux_service_free_names(names, count) }
        return (0..<count).map { index in
            let name = unsafe names?[Int(index)].map { unsafe String(cString: $0) }
            return InheritedSocket(name: name ?? "unknown", descriptor: FileDescriptor(rawValue: 3 + index))
        }
    }

    /// Whether libsystemd has been loaded.
    static var isLoaded: Bool { clinux_service_is_loaded() != 0 }
}
