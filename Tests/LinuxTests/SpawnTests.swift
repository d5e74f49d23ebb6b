import Base
import Glibc
import Linux
import Testing

extension KernelTests {
    @Suite struct SpawnTests {
        @Test func `arguments and environment arrive exactly`() throws {
            let arguments = try Probe.run(["arguments", "", "a b", "\u{e9}"], environment: ["PATH=/nowhere"])
            #expect(
                Array(arguments.output.split(separator: 0x0A, omittingEmptySubsequences: false).dropFirst()) == [
                    ArraySlice(bytes("arguments")), [], ArraySlice(bytes("a b")), ArraySlice(bytes("\u{e9}")), [],
                ])
            #expect(lines(try Probe.run(["environment"]).output) == [])
            let environment = ["EMPTY=", "A=1", "SPACED=a b", "A=2"]
            #expect(lines(try Probe.run(["environment"], environment: environment).output) == environment)
        }

        @Test func `bytes that are no UTF-8 pass`() throws {
            let result = try Probe.run(Probe.path, [bytes("arguments"), [0xFF, 0xFE]])
            #expect(result.output.suffix(3) == [0xFF, 0xFE, 0x0A])
        }

        @Test func `standard streams are the given ones`() throws {
            let result = try Probe.run(["copy"], input: bytes("through"))
            #expect(result.output == bytes("through"))
            #expect(result.status == .exited(code: 0))
        }

        @Test func `exactly the named descriptors are open, although the parent has two hundred without close-on-exec`() async {
            await #expect(processExitsWith: .success) {
                for _ in 0..<200 {
                    let null = try Files.null().release()
                    try null.setCloseOnExec(false)
                }
                #expect(OpenDescriptors.now().count >= 200)
                #expect(lines(try Probe.run(["descriptors"]).output) == ["0", "1", "2"])
                let extra = FileDescriptor(rawValue: 150)
                #expect(lines(try Probe.run(["descriptors"], extra: [extra, extra]).output) == ["0", "1", "2", "3", "4"])
            }
        }

        @Test func `descriptors swap places without overwriting each other`() async {
            await #expect(processExitsWith: .success) {
                let (output, sink) = try DescriptorPair.pipe(nonblocking: false).release()
                let (input, source) = try DescriptorPair.pipe(nonblocking: false).release()
                // Our own standard streams are: 0 the end to write to, 1 the end to read from.
                #expect(dup2(sink.rawValue, 0) == 0)
                #expect(dup2(input.rawValue, 1) == 1)
                sink.close()
                input.close()
                let before = OpenDescriptors.now().count
                let swapped = [FileDescriptor.standardOutput, .standardInput, .standardError]
                let child = try Spawn(program: Probe.path, arguments: [bytes("copy")], descriptors: swapped).start()
                #expect(OpenDescriptors.now().count == before + 1, "\(OpenDescriptors.now())")
                try source.writeAll(bytes("swapped").span)
                source.close()
                FileDescriptor.standardInput.close()
                #expect(try readToEnd(output) == bytes("swapped"))
                #expect(try reap(child.pidFD) == .exited(code: 0))
                #expect(OpenDescriptors.now().pidFDs == 0)
            }
        }

        @Test func `no signal is blocked or ignored in the child, whatever we do`() async {
            await #expect(processExitsWith: .success) {
                try SignalSet([.terminate, .hangup, .child, .user1]).becomeBlocked()
                try Signal.brokenPipe.ignore()
                try Signal.interrupt.ignore()
                #expect(lines(try Probe.run(["signals"]).output) == ["0 0"])
            }
        }

        @Test func `the child gets the working directory, group and session asked for`() throws {
            let session = lines(try Probe.run(["identity"], directory: "/usr").output)[0].split(separator: " ")
            #expect(session[0] == session[1] && session[0] == session[2] && session[3] == "/usr")
            let group = lines(try Probe.run(["identity"], placement: .newGroup).output)[0].split(separator: " ")
            #expect(group[0] == group[1] && group[2] == "\(getsid(0))")
            let same = lines(try Probe.run(["identity"], placement: .sameGroup).output)[0].split(separator: " ")
            #expect(same[1] == "\(getpgrp())" && same[2] == "\(getsid(0))")
        }

        @Test func `a name without slash is looked for in the PATH of the child's environment`() throws {
            #expect(lines(try Probe.run(bytes("echo"), [bytes("x")], ["PATH=/nonexistent:/usr/bin:/bin"]).output) == ["x"])
            #expect(lines(try Probe.run(bytes("echo"), [bytes("x")]).output) == ["x"], "without PATH: the usual places")
            #expect(throws: SystemError(.noEntry, "posix_spawn")) { _ = try Probe.run(bytes("echo"), [], ["PATH=/nonexistent"]) }
            #expect(throws: SystemError(.noEntry, "posix_spawn")) { _ = try Probe.run(bytes("echo"), [], ["PATH="], "/bin") }
        }

        @Test func `a path with a slash is relative to the working directory of the child`() throws {
            #expect(lines(try Probe.run(bytes("./echo"), [bytes("x")], [], "/bin").output) == ["x"])
        }

        @Test func `a failed exec is an error of the call, and leaves neither a process nor a descriptor`() async {
            await #expect(processExitsWith: .success) {
                let before = OpenDescriptors.now()
                let cases: [(String, Errno)] = [
                    ("/nonexistent/program", .noEntry), ("/etc/passwd", .accessDenied), ("/tmp", .accessDenied),
                    ("/etc/passwd/x", Errno(rawValue: ENOTDIR)),
                ]
                for (program, expected) in cases {
                    #expect(throws: SystemError(expected, "posix_spawn")) { _ = try Probe.run(bytes(program), []) }
                }
                #expect(throws: SystemError(.noEntry, "posix_spawn")) {
                    _ = try Probe.run(["identity"], directory: "/nonexistent")
                }
                #expect(OpenDescriptors.now() == before, "\(OpenDescriptors.now()) instead of \(before)")
                let zombie = try Processes.peekExited()
                #expect(zombie == nil, "a zombie is left")
            }
        }

        @Test func `a NUL in any text is refused`() {
            #expect(throws: SystemError(.invalid, "posix_spawn")) { _ = try Probe.run(["a\0b"]) }
            #expect(throws: SystemError(.invalid, "posix_spawn")) { _ = try Probe.run(["identity"], environment: ["A=\0"]) }
            #expect(throws: SystemError(.invalid, "posix_spawn")) { _ = try Probe.run(["identity"], directory: "/\0") }
        }

        @Test func `many children leave no descriptor and no zombie`() async {
            await #expect(processExitsWith: .success) {
                let before = OpenDescriptors.now()
                let running = try Spawn(
                    program: Probe.path, arguments: [bytes("wait")],
                    descriptors: [.standardError, .standardError, .standardError]
                ).start()
                #expect(OpenDescriptors.now().pidFDs == 1, "the counter does not see one live pidfd")
                for _ in 0..<50 { #expect(try Probe.run(["exit", "3"]).status == .exited(code: 3)) }
                try running.pidFD.send(.kill)
                #expect(try reap(running.pidFD) == .killed(.kill, dumpedCore: false))
                #expect(OpenDescriptors.now() == before, "\(OpenDescriptors.now()) instead of \(before)")
                #expect(try Processes.peekExited() == nil, "a zombie is left")
            }
        }
    }
}

extension KernelTests {
    @Suite struct PidFDTests {
        private func start(_ arguments: [String]) throws -> Spawn.Child {
            let null = try Files.null()
            let streams = [null.descriptor, null.descriptor, FileDescriptor.standardError]
            return try Spawn(program: Probe.path, arguments: arguments.map(bytes), descriptors: streams).start()
        }

        @Test func `a running child has no status, and ends with its exit code`() throws {
            let child = try self.start(["wait"])
            #expect(try child.pidFD.reap() == nil)
            #expect(try child.pidFD.descriptor.isCloseOnExec())
            #expect(try child.pidFD.send(.terminate))
            #expect(try reap(child.pidFD) == .killed(.terminate, dumpedCore: false))
            #expect(try reap(self.start(["exit", "7"]).pidFD) == .exited(code: 7))
        }

        @Test func `what has ended takes no signal, and is reaped once`() throws {
            let child = try self.start(["exit", "0"])
            try waitUntilReadable(child.pidFD.descriptor)
            #expect(try child.pidFD.reap()?.isSuccess == true)
            #expect(try !child.pidFD.send(.terminate))
            #expect(throws: SystemError(.noChild, "waitid")) { _ = try child.pidFD.reap() }
            child.pidFD.close()
        }

        @Test func `a process group is signalled as a whole, until it is gone`() throws {
            let child = try self.start(["wait"])
            #expect(try Processes.signalGroup(child.pid, .kill))
            #expect(try reap(child.pidFD) == .killed(.kill, dumpedCore: false))
            #expect(try !Processes.signalGroup(child.pid, .kill))
        }

        @Test func `a group that could be everybody is refused`() async {
            await #expect(processExitsWith: .failure) { try Processes.signalGroup(1, .continue) }
        }

        @Test func `an orphan is adopted, seen without being reaped, and reaped by number`() async {
            await #expect(processExitsWith: .success) {
                let scratch = try Scratch()
                let file = scratch.file("pid")
                try Processes.becomeSubreaper()
                #expect(try Probe.run(["daemon", file]).status.isSuccess)
                let pid = try daemonPid(file)
                #expect(try Processes.peekExited() == nil, "a zombie is left")
                #expect(Processes.signalDescendants(.kill) == 1)
                let orphan = try PidFD.open(pid)
                try waitUntilReadable(orphan.descriptor)
                orphan.close()
                #expect(try Processes.peekExited() == pid)
                #expect(try Processes.reap(pid) == .killed(.kill, dumpedCore: false))
                #expect(try Processes.peekExited() == nil, "a zombie is left")
            }
        }
    }
}

/// The number that `linux-probe daemon` writes, once it is there.
func daemonPid(_ file: String) throws -> Int32 {
    let deadline = SystemClock.now() + .seconds(20)
    while SystemClock.now() < deadline {
        if let text = try? Files.read(file, limit: 100).bytes, text.last == 0x0A, let pid = Int32(lines(text)[0]) { return pid }
        sched_yield()
    }
    throw SystemError(Errno(rawValue: ETIMEDOUT), "read")
}
