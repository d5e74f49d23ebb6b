/// How the program ends. The numbers are those of BSD `sysexits.h`, so that service managers can tell a wrong configuration, which
/// no restart helps (`RestartPreventExitStatus=78`), from everything else.
public enum ExitCode: Int32, CaseIterable, Sendable {
    case success = 0
    /// Wrong arguments.
    case usage = 64
    /// An address is in use, or a service that is needed is not there.
    case unavailable = 69
    /// A bug of ours.
    case software = 70
    /// Try again: an upgrade was not switched to.
    case temporary = 75
    case permission = 77
    case configuration = 78

    public var meaning: StaticString {
        switch self {
        case .success: "fine"
        case .usage: "wrong arguments"
        case .unavailable: "an address is in use, or a service is not available"
        case .software: "a bug of the supervisor"
        case .temporary: "try again"
        case .permission: "a permission is missing"
        case .configuration: "the configuration is wrong"
        }
    }
}
