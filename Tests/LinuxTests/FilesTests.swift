import Base
import Glibc
import Linux
import Testing

extension KernelTests {
    @Suite struct FilesTests {
        @Test func `reads a whole file up to the limit, with the status of what was read`() throws {
            let scratch = try Scratch()
            let path = scratch.file("keys")
            let content = (0..<100_000).map { UInt8(truncatingIfNeeded: $0) }
            try Files.writeAtomically(path, content.span, mode: 0o640)
            let (bytes, status) = try Files.read(path, limit: 100_000)
            #expect(bytes == content)
            #expect(status.kind == .regular)
            #expect(status.mode == 0o640)
            #expect(status.isReadableByOthers)
            #expect(!status.isWritableByOthers)
            #expect(status.uid == Processes.userID)
            #expect(throws: SystemError(.fileTooBig, "read")) { _ = try Files.read(path, limit: 99_999) }
        }

        @Test func `a file that claims no size is read, and cut off by the limit`() throws {
            #expect(try !Files.read("/proc/self/status", limit: 1 << 20).bytes.isEmpty)
            #expect(throws: SystemError(.fileTooBig, "read")) { _ = try Files.read("/proc/self/status", limit: 10) }
            #expect(throws: SystemError(.fileTooBig, "read")) { _ = try Files.read("/dev/zero", limit: 1000) }
        }

        @Test func `what is no file is an error`() {
            #expect(throws: SystemError(.noEntry, "open")) { _ = try Files.read("/nonexistent", limit: 10) }
            #expect(throws: SystemError(.isDirectory, "read")) { _ = try Files.read("/tmp", limit: 1 << 20) }
            #expect(throws: SystemError(.invalid, "open")) { _ = try Files.read("/tmp\0/x", limit: 10) }
        }

        @Test func `an atomic write replaces the file and leaves no other, also after a failure`() throws {
            let scratch = try Scratch()
            let path = scratch.file("state")
            try Files.writeAtomically(path, bytes("old").span)
            let old = try Files.status(path)
            try Files.writeAtomically(path, bytes("new").span)
            #expect(try Files.read(path, limit: 10).bytes == bytes("new"))
            #expect(try Files.status(path).inode != old.inode)
            #expect(try Files.status(path).mode == 0o600)
            let directory = scratch.file("directory")
            try Files.makeDirectories("\(directory)")
            #expect(throws: SystemError(.isDirectory, "rename")) { try Files.writeAtomically(directory, bytes("x").span) }
            #expect(throws: SystemError(.noEntry, "lstat")) { _ = try Files.status("\(directory).\(Processes.current).new") }
            #expect(unsafe rmdir(directory) == 0)
        }

        @Test func `makes every missing directory, and is content with those that exist`() throws {
            let scratch = try Scratch()
            let path = scratch.file("a/b/c")
            try Files.makeDirectories(path)
            try Files.makeDirectories(path + "/")
            try Files.makeDirectories("/")
            #expect(try Files.status(path).kind == .directory)
            #expect(try Files.status(path).mode == 0o700)
            let file = scratch.file("file")
            try Files.writeAtomically(file, bytes("").span)
            #expect(throws: SystemError(Errno(rawValue: ENOTDIR), "mkdir")) { try Files.makeDirectories(file) }
            #expect(throws: SystemError(Errno(rawValue: ENOTDIR), "mkdir")) { try Files.makeDirectories(file + "/x") }
            for part in ["a/b/c", "a/b", "a"] { #expect(unsafe rmdir(scratch.file(part)) == 0) }
        }

        @Test func `appending keeps what is there, creating refuses what exists`() throws {
            let scratch = try Scratch()
            let path = scratch.file("log")
            for text in ["one", "two"] {
                let file = try Files.open(path, .append)
                try file.descriptor.writeAll(bytes(text).span)
            }
            #expect(try Files.read(path, limit: 10).bytes == bytes("onetwo"))
            #expect(throws: SystemError(.exists, "open")) { _ = try Files.open(path, .create).release() }
        }
    }
}

extension KernelTests {
    @Suite struct LockFileTests {
        @Test func `one process at a time, and the other learns who it is`() throws {
            let scratch = try Scratch()
            let path = scratch.file("pid")
            #expect(throws: SystemError(.noEntry, "open")) { _ = try LockFile.holder(path) }
            do {
                guard case .locked(let lock) = try LockFile.acquire(path) else {
                    Issue.record("not locked")
                    return
                }
                #expect(try Files.read(path, limit: 20).bytes == bytes("\(Processes.current)\n"))
                switch try LockFile.acquire(path) {
                case .locked: Issue.record("locked twice")
                case .held(let owner): #expect(owner == Processes.current)
                }
                #expect(try LockFile.holder(path) == Processes.current)
                #expect(try lock.descriptor.isCloseOnExec())
            }
            #expect(try LockFile.holder(path) == nil)
            guard case .locked = try LockFile.acquire(path) else {
                Issue.record("the lock outlived its owner")
                return
            }
        }
    }
}

extension KernelTests {
    @Suite struct MemoryFileTests {
        @Test func `is read back by another holder and cannot be changed`() throws {
            let content = bytes("{\"version\":1}")
            let file = try MemoryFile.sealed(name: "state", content.span)
            #expect(try MemoryFile.contents(file.descriptor, limit: 100) == content)
            #expect(try MemoryFile.contents(file.descriptor, limit: 100) == content, "reading does not use it up")
            #expect(throws: SystemError(.permission, "write")) { _ = try file.descriptor.write([1].span) }
            #expect(throws: SystemError(.fileTooBig, "pread")) { _ = try MemoryFile.contents(file.descriptor, limit: 5) }
            #expect(try file.descriptor.isCloseOnExec())
            let empty = try MemoryFile.sealed(name: "empty", [UInt8]().span)
            #expect(try MemoryFile.contents(empty.descriptor, limit: 0) == [])
        }

        @Test func `an unsealed or ordinary file is refused`() throws {
            let scratch = try Scratch()
            let file = try Files.open(scratch.file("x"), .readWrite)
            #expect(throws: SystemError(.invalid, "fcntl")) { _ = try MemoryFile.contents(file.descriptor, limit: 10) }
        }
    }
}

extension KernelTests {
    @Suite struct EntropyTests {
        @Test func `fills everything, differently each time`() throws {
            #expect(try Entropy.bytes(count: 0) == [])
            let (first, second) = (try Entropy.bytes(count: 1000), try Entropy.bytes(count: 1000))
            #expect(first != second)
            #expect(Set(first).count > 100)
            #expect(first.suffix(32).contains { $0 != 0 })
            #expect(try Entropy.seed() != Entropy.seed())
        }
    }
}

extension KernelTests {
    @Suite struct DescriptorLimitTests {
        @Test func `is raised to the hard limit, and children see it`() async {
            await #expect(processExitsWith: .success) {
                try DescriptorLimit.set(256)
                #expect(try DescriptorLimit.current() == 256)
                #expect(try DescriptorLimit.raise() == DescriptorLimit.most())
                #expect(try DescriptorLimit.current() == DescriptorLimit.most())
            }
        }
    }
}

extension KernelTests {
    @Suite struct ProcessEnvironmentTests {
        @Test func `is read as bytes, set and removed`() async {
            await #expect(processExitsWith: .success) {
                try ProcessEnvironment.set("LINUX_TESTS", "a=b")
                #expect(ProcessEnvironment.value("LINUX_TESTS") == bytes("a=b"))
                #expect(ProcessEnvironment.text("LINUX_TESTS") == "a=b")
                #expect(ProcessEnvironment.all().contains(bytes("LINUX_TESTS=a=b")))
                try ProcessEnvironment.set("LINUX_TESTS", "")
                #expect(ProcessEnvironment.value("LINUX_TESTS") == [])
                try ProcessEnvironment.remove("LINUX_TESTS")
                #expect(ProcessEnvironment.value("LINUX_TESTS") == nil)
                #expect(throws: SystemError(.invalid, "unsetenv")) { try ProcessEnvironment.remove("A=B") }
            }
        }
    }
}
