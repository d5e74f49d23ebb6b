import CLinux
import Glibc

/// What `stat` tells about a file.
public struct FileStatus: Equatable, Sendable {
    public enum Kind: Sendable { case regular, directory, socket, other }

    public let kind: Kind
    public let size: Int64
    /// Permission bits with set-id and sticky bits: at most 0o7777.
    public let mode: UInt32
    public let uid: UInt32
    public let gid: UInt32
    public let device: UInt64
    public let inode: UInt64
    /// When the contents last changed, in nanoseconds since 1970.
    public let modified: Int64

    /// Whether anybody but the owner may read it.
    public var isReadableByOthers: Bool { self.mode & 0o044 != 0 }
    /// Whether anybody but the owner may change it.
    public var isWritableByOthers: Bool { self.mode & 0o022 != 0 }

    init(_ status: clinux_file_status) {
        if status.is_regular != 0 {
            self.kind = .regular
        } else if status.is_directory != 0 {
            self.kind = .directory
        } else {
            self.kind = status.is_socket != 0 ? .socket : .other
        }
        self.size = status.size
        self.modified = status.modified
        self.mode = status.mode
        self.uid = status.uid
        self.gid = status.gid
        self.device = status.device
        self.inode = status.inode
    }
}

/// Small files: configuration, keys, locks. Paths with a NUL are refused with `invalid`.
public enum Files {
    public enum Purpose: Sendable {
        case read
        /// For writing; the file must not exist.
        case create
        /// For writing at the end; made when missing.
        case append
        case readWrite
    }

    public static func open(_ path: String, _ purpose: Purpose, mode: UInt32 = 0o600) throws(SystemError) -> OwnedFD {
        let code =
            switch purpose {
            case .read: CLINUX_READ
            case .create: CLINUX_CREATE
            case .append: CLINUX_APPEND
            case .readWrite: CLINUX_READ_WRITE
            }
        return try self.open(path, code, mode)
    }

    /// /dev/null for reading and writing.
    public static func null() throws(SystemError) -> OwnedFD { try self.open("/dev/null", CLINUX_DEVICE, 0) }

    /// `lstat`: a symbolic link is itself, of kind `other`.
    public static func status(_ path: String) throws(SystemError) -> FileStatus {
        var status = clinux_file_status()
        try unsafe self.path(path, "lstat") { unsafe Int(clinux_path_status($0, &status)) }
        return FileStatus(status)
    }

    /// The whole of a regular file of at most `limit` bytes (`fileTooBig` beyond), and its status as it was when it was opened,
    /// so that owner and mode are those of the bytes that were read.
    public static func read(_ path: String, limit: Int) throws(SystemError) -> (bytes: [UInt8], status: FileStatus) {
        let file = try self.open(path, .read)
        let status = try file.descriptor.status()
        guard status.kind != .directory else { throw SystemError(.isDirectory, "read") }
        guard status.size <= limit else { throw SystemError(.fileTooBig, "read") }
        var bytes: [UInt8] = []
        var block = [UInt8](repeating: 0, count: min(limit, 65_536) + 1)
        while true {  // Bound: `limit`.
            var span = block.mutableSpan
            switch try file.descriptor.read(into: &span) {
            case .moved(let count): bytes.append(contentsOf: block[..<count])
            case .ended: return (bytes, status)
            case .wouldBlock: throw SystemError(.wouldBlock, "read")  // A FIFO or the like: not a file.
            }
            guard bytes.count <= limit else { throw SystemError(.fileTooBig, "read") }
        }
    }

    /// Replaces the file at `path`: at every moment, and after a loss of power, it holds the old bytes or the new ones.
    /// The temporary file is made in the same directory, with `mode` from the beginning.
    public static func writeAtomically(_ path: String, _ bytes: Span<UInt8>, mode: UInt32 = 0o600) throws(SystemError) {
        let temporary = "\(path).\(Processes.current).new"
        if (try? self.status(temporary)) != nil { try self.remove(temporary) }
        let file = try self.open(temporary, .create, mode: mode)
        do {
            try SystemCall.check(SystemCall.raw { fchmod(file.descriptor.rawValue, mode) }, "fchmod")
            try file.descriptor.writeAll(bytes)
            try file.descriptor.synchronize()
            try self.rename(temporary, path)
        } catch {
            try? self.remove(temporary)
            throw error
        }
        let slash = path.utf8.lastIndex(of: 0x2F)
        let parent = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        let directory = try self.open(parent, CLINUX_DIRECTORY, 0)
        try directory.descriptor.synchronize()
        directory.close()  // Not before the call above: a temporary would be gone by then.
    }

    /// What a symbolic link points to. Bound: PATH_MAX.
    public static func readLink(_ path: String) throws(SystemError) -> [UInt8] {
        var target = [CChar](repeating: 0, count: Int(PATH_MAX))
        let result = SystemCall.raw { unsafe Glibc.readlink(path, &target, target.count) }
        let count = try SystemCall.check(result, "readlink")
        return target[..<Int(count)].map { UInt8(bitPattern: $0) }
    }

    public static func rename(_ old: String, _ new: String) throws(SystemError) {
        guard !new.utf8.contains(0) else { throw SystemError(.invalid, "rename") }
        try unsafe self.path(old, "rename") { old in SystemCall.raw { unsafe new.withCString { unsafe Glibc.rename(old, $0) } } }
    }

    public static func remove(_ path: String) throws(SystemError) {
        try unsafe self.path(path, "unlink") { path in SystemCall.raw { unsafe Glibc.unlink(path) } }
    }

    /// Makes the directory at `path` and those above it. What exists keeps its mode; whether the last one is a directory of the
    /// right owner is for the caller to ask with `status`.
    public static func makeDirectories(_ path: String, mode: UInt32 = 0o700) throws(SystemError) {
        var end = path.startIndex
        while end < path.endIndex {  // Bound: the number of components.
            end = path[end...].dropFirst().firstIndex(of: "/") ?? path.endIndex
            do {
                try unsafe self.path(String(path[..<end]), "mkdir") { path in SystemCall.raw { unsafe Glibc.mkdir(path, mode) } }
            } catch {
                guard error.errno == .exists else { throw error }
            }
        }
        guard try self.mode(path) & mode_t(S_IFMT) == mode_t(S_IFDIR) else {
            throw SystemError(Errno(rawValue: ENOTDIR), "mkdir")
        }
    }

    /// What `check` asks for.
    public enum Access: Sendable { case read, write, execute }

    /// Whether the effective user may use `path` so; links are followed. The answer may be old a moment later, so it is for
    /// messages, and what matters is the error of the use itself.
    public static func check(_ path: String, _ access: Access) throws(SystemError) {
        let mode =
            switch access {
            case .read: R_OK
            case .write: W_OK
            case .execute: X_OK
            }
        try unsafe self.path(path, "faccessat") { path in
            SystemCall.raw { unsafe Glibc.faccessat(AT_FDCWD, path, mode, AT_EACCESS) }
        }
    }

    /// Whether `path` is a file that can be executed, or a link to one.
    public static func checkExecutable(_ path: String) throws(SystemError) {
        try self.check(path, .execute)
        guard try self.mode(path) & mode_t(S_IFMT) == mode_t(S_IFREG) else { throw SystemError(.accessDenied, "execve") }
    }

    /// Whether `path` is a directory that can be entered, or a link to one.
    public static func isDirectory(_ path: String) -> Bool {
        guard let mode = try? self.mode(path), mode & mode_t(S_IFMT) == mode_t(S_IFDIR) else { return false }
        return (try? self.check(path, .execute)) != nil
    }

    /// Kind and permissions of what `path` leads to.
    private static func mode(_ path: String) throws(SystemError) -> mode_t {
        var status = stat()
        try unsafe self.path(path, "stat") { path in SystemCall.raw { unsafe fstatat(AT_FDCWD, path, &status, 0) } }
        return status.st_mode
    }

    private static func open(_ path: String, _ purpose: clinux_open, _ mode: UInt32) throws(SystemError) -> OwnedFD {
        OwnedFD(Int32(try unsafe self.path(path, "open") { unsafe Int(clinux_open($0, Int32(purpose.rawValue), mode)) }))
    }

    @discardableResult
    private static func path(
        _ path: String, _ call: StaticString, _ body: (UnsafePointer<CChar>) -> Int
    ) throws(SystemError) -> Int {
        guard !path.utf8.contains(0) else { throw SystemError(.invalid, call) }
        let result = SystemCall.uninterrupted { unsafe path.withCString { unsafe body($0) } }
        return try SystemCall.check(result, call)
    }
}

extension FileDescriptor {
    public func status() throws(SystemError) -> FileStatus {
        var status = clinux_file_status()
        try SystemCall.check(unsafe clinux_file_status(self.rawValue, &status), "fstat")
        return FileStatus(status)
    }

    /// Writes to the end, for files and blocking descriptors. On a non-blocking one that is full it throws `wouldBlock`.
    public func writeAll(_ bytes: Span<UInt8>) throws(SystemError) {
        var written = 0
        while written < bytes.count {  // Bound: each turn writes.
            switch try self.write(bytes.extracting(written..<bytes.count)) {
            case .moved(let count): written += count
            case .ended, .wouldBlock: throw SystemError(.wouldBlock, "write")
            }
        }
    }

    /// `fsync`.
    public func synchronize() throws(SystemError) {
        let result = SystemCall.uninterrupted { SystemCall.raw { fsync(self.rawValue) } }
        try SystemCall.check(result, "fsync")
    }
}
