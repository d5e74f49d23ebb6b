import Base
import Glibc
import Linux
import Synchronization
import Testing

func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

/// What the symbolic link at `path` names.
func linkTarget(_ path: String) -> [UInt8]? {
    var target: [UInt8] = []
    target.reserveCapacity(4096)
    unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 4096) { buffer in
        guard let start = buffer.baseAddress else { return }
        let count = unsafe readlink(path, start, buffer.count)
        if count > 0 { unsafe target.append(contentsOf: UnsafeRawBufferPointer(start: start, count: count)) }
    }
    return target.isEmpty ? nil : target
}

/// Reads a blocking descriptor to its end.
func readToEnd(_ descriptor: FileDescriptor) throws -> [UInt8] {
    var all: [UInt8] = []
    var block = [UInt8](repeating: 0, count: 4096)
    while true {
        var span = block.mutableSpan
        switch try descriptor.read(into: &span) {
        case .moved(let count): all += block[..<count]
        case .ended: return all
        case .wouldBlock: try waitUntilReadable(descriptor)
        }
    }
}

func lines(_ bytes: [UInt8]) -> [String] {
    String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
}

func waitUntilReadable(_ descriptor: FileDescriptor, timeout: Interval = .seconds(20)) throws {
    let epoll = try Epoll()
    var buffer = Epoll.Buffer(capacity: 1)
    try epoll.add(descriptor, .readable, data: 0)
    let deadline = SystemClock.now() + timeout
    while try epoll.wait(into: &buffer, until: deadline) == 0 {
        guard SystemClock.now() < deadline else { throw SystemError(Errno(rawValue: ETIMEDOUT), "epoll_wait") }
    }
}

/// Waits for the end of a child and reaps it.
func reap(_ child: PidFD) throws -> Linux.ExitStatus {
    defer { child.close() }
    try waitUntilReadable(child.descriptor)
    return try #require(try child.reap())
}

/// A directory of its own for one test.
struct Scratch: ~Copyable {
    let path: String

    init() throws {
        let path = "/tmp/linux-tests-\(try Entropy.seed())"
        try Files.makeDirectories(path)
        self.path = path
    }

    func file(_ name: String) -> String { "\(self.path)/\(name)" }

    deinit {
        if let directory = unsafe opendir(self.path) {
            while let entry = unsafe readdir(directory) {
                let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                    unsafe String(cString: UnsafeRawPointer(pointer).assumingMemoryBound(to: CChar.self))
                }
                if name != "." && name != ".." { unsafe unlink(self.file(name)) }
            }
            unsafe closedir(directory)
        }
        unsafe rmdir(self.path)
    }
}

/// The child of these tests (Tests/LinuxProbe), which is built beside them.
enum Probe {
    static var path: [UInt8] {
        let runner = linkTarget("/proc/self/exe") ?? []
        return runner[...(runner.lastIndex(of: 0x2F) ?? 0)] + bytes("linux-probe")
    }

    /// Runs it to its end with `arguments`; what it wrote and how it ended.
    static func run(
        _ arguments: [String], environment: [String] = [], directory: String? = nil, input: [UInt8] = [],
        extra: [FileDescriptor] = [], placement: Spawn.Placement = .newSession
    ) throws -> (output: [UInt8], status: Linux.ExitStatus) {
        try self.run(self.path, arguments.map(bytes), environment, directory, input, extra, placement)
    }

    static func run(
        _ program: [UInt8], _ arguments: [[UInt8]], _ environment: [String] = [], _ directory: String? = nil,
        _ input: [UInt8] = [],
        _ extra: [FileDescriptor] = [], _ placement: Spawn.Placement = .newSession
    ) throws -> (output: [UInt8], status: Linux.ExitStatus) {
        let (inputEnd, feed) = try DescriptorPair.pipe(nonblocking: false).release()
        let (drain, outputEnd) = try DescriptorPair.pipe(nonblocking: false).release()
        defer { drain.close() }
        var spawn = Spawn(
            program: program, arguments: arguments, environment: environment.map(bytes), directory: directory.map(bytes),
            descriptors: [inputEnd, outputEnd, .standardError] + extra)
        spawn.placement = placement
        let result = Result { () throws(SystemError) in try spawn.start() }
        inputEnd.close()
        outputEnd.close()
        let child: Spawn.Child
        do {
            child = try result.get()
        } catch {
            feed.close()
            throw error
        }
        try feed.writeAll(input.span)  // Smaller than a pipe.
        feed.close()
        let output = try readToEnd(drain)
        return (output, try reap(child.pidFD))
    }
}

/// What this process has open of the kinds these tests use. Exact only where no other test runs: in the processes of exit tests.
/// Everything else (event queues, timers, files below /proc and /sys) the test runner's own threads may open at any moment.
struct OpenDescriptors: Equatable {
    let targets: [String]
    var count: Int { self.targets.count }
    var pidFDs: Int { self.targets.filter { $0 == "anon_inode:[pidfd]" }.count }

    private static func isOurs(_ target: [UInt8]) -> Bool {
        ["pipe:", "socket:", "/dev/null", "/tmp/", "/memfd:", "anon_inode:[pidfd]"].contains { target.starts(with: bytes($0)) }
    }

    static func now() -> OpenDescriptors {
        var targets: [String] = []
        for number in 0..<1024 {
            guard let target = linkTarget("/proc/self/fd/\(number)"), self.isOurs(target) else { continue }
            targets.append(String(decoding: target, as: UTF8.self))
        }
        return OpenDescriptors(targets: targets)
    }
}

private final class Interruption: Sendable {
    let target: pthread_t
    let action: @Sendable () -> Void
    let isDone = Atomic(false)

    init(target: pthread_t, action: @escaping @Sendable () -> Void) {
        self.target = target
        self.action = action
    }
}

/// Runs `body` while another thread interrupts this one again and again until `body` returns; after some twenty times that
/// thread does
/// `action`.
func interrupted<Result>(thenDo action: @escaping @Sendable () -> Void = {}, _ body: () throws -> Result) throws -> Result {
    var ignored = sigaction()
    unsafe ignored.__sigaction_handler.sa_handler = { _ in }
    #expect(unsafe sigaction(SIGUSR2, &ignored, nil) == 0)  // Without SA_RESTART.
    // The threads that tests run on block most signals.
    try SignalSet().becomeBlocked()
    let job = Interruption(target: pthread_self(), action: action)
    var thread = pthread_t()
    let created = unsafe pthread_create(
        &thread, nil,
        { context in
            guard let context = unsafe context else { return nil }
            let job = unsafe Unmanaged<Interruption>.fromOpaque(context).takeRetainedValue()
            var count = 0
            while !job.isDone.load(ordering: .relaxed) {
                pthread_kill(job.target, SIGUSR2)
                usleep(500)
                count += 1
                if count == 20 { job.action() }
            }
            return nil
        }, Unmanaged.passRetained(job).toOpaque())
    #expect(created == 0)
    defer {
        job.isDone.store(true, ordering: .relaxed)
        pthread_join(thread, nil)
    }
    return try body()
}
