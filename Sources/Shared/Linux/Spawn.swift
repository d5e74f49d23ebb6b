import CLinux
import Glibc

/// A program to start, and everything it is given. Nothing is inherited that is not named here: no descriptor, no variable, no
/// signal mask, no ignored signal.
public struct Spawn: Sendable {
    /// Where the child stands towards signals of terminals and groups.
    @frozen
    public enum Placement: Sendable {
        /// Our own group and session.
        case sameGroup
        /// A process group of its own, whose number is the child's.
        case newGroup
        /// A session, and so a group, of its own, without a controlling terminal.
        case newSession
    }

    /// A child that runs. Not yet reaped, so `pid` cannot be reused before `pidFD.reap()` has returned a status.
    public struct Child: Equatable, Sendable {
        public let pid: Int32
        /// The caller owns it and closes it.
        public let pidFD: PidFD
    }

    /// At most this many descriptors.
    public static var descriptorsMax: Int { 16 }

    /// A path if it holds a slash (relative to `directory`), else searched in the PATH of `environment`.
    public var program: [UInt8]
    /// Without the zeroth, which is `program`.
    public var arguments: [[UInt8]]
    /// The exact environment, each `NAME=value`.
    public var environment: [[UInt8]]
    /// nil: ours.
    public var directory: [UInt8]?
    /// Element n becomes descriptor n of the child, beginning with standard input, output and error. Any numbers, also repeated
    /// ones.
    /// Everything else is closed.
    public var descriptors: [FileDescriptor]
    public var placement: Placement

    public init(
        program: [UInt8], arguments: [[UInt8]] = [], environment: [[UInt8]] = [], directory: [UInt8]? = nil,
        descriptors: [FileDescriptor], placement: Placement = .newSession
    ) {
        self.program = program
        self.arguments = arguments
        self.environment = environment
        self.directory = directory
        self.descriptors = descriptors
        self.placement = placement
    }

    /// Starts the program. A failed exec is an error here, not a child that dies: `noEntry`, `accessDenied` and so on.
    /// Blocks for the length of an exec (some 100 µs); the cost does not grow with our own memory (vfork).
    public func start() throws(SystemError) -> Child {
        precondition(self.descriptors.count >= 3 && self.descriptors.count <= Self.descriptorsMax)
        let texts = [self.program] + self.arguments + self.environment + [self.directory ?? []]
        guard !self.program.isEmpty, !texts.contains(where: { $0.contains(0) }) else {
            throw SystemError(.invalid, "posix_spawn")
        }

        var last = SystemError(.noEntry, "posix_spawn")
        for path in self.candidates() {  // Bound: the length of PATH.
            do {
                return try self.start(path)
            } catch {
                // As execvp(3) does: a directory that cannot be searched does not hide the program in a later one.
                guard error.errno == .noEntry || error.errno == .accessDenied || error.errno.rawValue == ENOTDIR else {
                    throw error
                }
                if last.errno == .noEntry { last = error }
            }
        }
        throw last
    }

    /// The paths to try, in order.
    private func candidates() -> [[UInt8]] {
        if self.program.contains(0x2F) { return [self.program] }
        let prefix = Array("PATH=".utf8)
        let variable = self.environment.first { $0.starts(with: prefix) }
        let path = variable.map { $0.dropFirst(prefix.count) } ?? ArraySlice("/usr/local/bin:/usr/bin:/bin".utf8)
        // POSIX reads an empty element as the current directory. That is a trap, and left out.
        return path.split(separator: 0x3A).map { $0 + [0x2F] + self.program }
    }

    private func start(_ path: [UInt8]) throws(SystemError) -> Child {
        let numbers = self.descriptors.map(\.rawValue)
        let path = CStrings([path])
        let arguments = CStrings([self.program] + self.arguments)
        let environment = CStrings(self.environment)
        let directory = CStrings(self.directory.map { [$0] } ?? [])
        let placement = Int32(self.placementCode.rawValue)
        let result = unsafe numbers.withUnsafeBufferPointer { numbers -> Int in
            guard let path = unsafe path.pointers[0], let arguments = unsafe arguments.pointers.baseAddress,
                let environment = unsafe environment.pointers.baseAddress, let start = numbers.baseAddress
            else { preconditionFailure("an empty buffer") }
            var request = unsafe clinux_spawn_request(
                path: path, arguments: arguments, environment: environment, directory: directory.pointers[0],
                descriptors: start, descriptor_count: Int32(numbers.count), placement: placement)
            return SystemCall.uninterrupted { Int(unsafe clinux_spawn(&request)) }
        }
        // The pointers above are invisible to the compiler.
        withExtendedLifetime(path) {}
        withExtendedLifetime(arguments) {}
        withExtendedLifetime(environment) {}
        withExtendedLifetime(directory) {}
        let pid = Int32(try SystemCall.check(result, "posix_spawn"))
        do throws(SystemError) {
            return Child(pid: pid, pidFD: try PidFD.open(pid))
        } catch {
            // Without a descriptor nobody would watch the child: take it back. It is ours and unreaped, so the number is safe.
            _ = Glibc.kill(pid, SIGKILL)
            _ = SystemCall.uninterrupted { SystemCall.raw { Glibc.waitpid(pid, nil, 0) } }
            throw error
        }
    }

    private var placementCode: clinux_placement {
        switch self.placement {
        case .sameGroup: CLINUX_INHERIT_GROUP
        case .newGroup: CLINUX_NEW_GROUP
        case .newSession: CLINUX_NEW_SESSION
        }
    }
}

/// A NULL-terminated array of C strings, alive as long as this is.
@safe struct CStrings: ~Copyable {
    let pointers: UnsafeMutableBufferPointer<UnsafeMutablePointer<CChar>?>

    init(_ texts: [[UInt8]]) {
        unsafe self.pointers = .allocate(capacity: texts.count + 1)
        unsafe self.pointers.initialize(repeating: nil)
        for (index, text) in texts.enumerated() {
            let copy = UnsafeMutablePointer<CChar>.allocate(capacity: text.count + 1)
            for (offset, byte) in text.enumerated() { unsafe copy[offset] = CChar(bitPattern: byte) }
            unsafe copy[text.count] = 0
            unsafe self.pointers[index] = unsafe copy
        }
    }

    deinit {
        for index in unsafe self.pointers.indices { unsafe self.pointers[index]?.deallocate() }
        unsafe self.pointers.deallocate()
    }
}
