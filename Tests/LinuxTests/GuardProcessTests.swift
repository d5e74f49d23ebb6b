import Base
import Glibc
import Linux
import Testing

extension KernelTests {
    @Suite struct GuardProcessTests {
        private static func command(_ arguments: [String], lifeline: Int32? = nil) -> [[UInt8]] {
            GuardProcess.arguments(
                lifeline: lifeline, graceMilliseconds: 50, termMilliseconds: 50, command: Probe.path,
                arguments: arguments.map(bytes))
        }

        private func run(_ arguments: [String], environment: [String] = [], input: [UInt8] = []) throws -> (
            [UInt8], Linux.ExitStatus
        ) {
            try Probe.run(Probe.path, Self.command(arguments), environment, nil, input)
        }

        /// Whether `pid` has ended, waiting for it for a while.
        private static func ends(_ pid: Int32) throws -> Bool {
            let process: PidFD
            do {
                process = try PidFD.open(pid)
            } catch let error where error.errno.rawValue == ESRCH {
                return true
            }
            defer { process.close() }
            return (try? waitUntilReadable(process.descriptor, timeout: .seconds(10))) != nil
        }

        @Test func `the command has the streams, the environment, no other descriptor and default signals`() throws {
            #expect(try self.run(["copy"], input: bytes("through")).0 == bytes("through"))
            #expect(lines(try self.run(["environment"], environment: ["A=1", "B="]).0) == ["A=1", "B="])
            #expect(lines(try self.run(["signals"]).0) == ["0 0"])
            let (reader, writer) = try DescriptorPair.pipe(nonblocking: false).release()
            defer { writer.close() }
            let arguments = Self.command(["descriptors"], lifeline: 3)
            #expect(lines(try Probe.run(Probe.path, arguments, [], nil, [], [reader]).output) == ["0", "1", "2"])
            reader.close()
        }

        @Test(arguments: [
            ("exit", "0", Linux.ExitStatus.exited(code: 0)), ("exit", "78", .exited(code: 78)),
            ("raise", "9", .killed(.kill, dumpedCore: false)),
            ("raise", "15", .killed(.terminate, dumpedCore: false)),
        ])
        func `ends as the command ended`(name: String, argument: String, expected: Linux.ExitStatus) throws {
            #expect(try self.run([name, argument]).1 == expected)
        }

        @Test func `a death that dumps core is repeated without a second core file`() throws {
            #expect(try self.run(["raise", "\(SIGSEGV)"]).1 == .killed(Signal(rawValue: SIGSEGV), dumpedCore: false))
        }

        @Test(arguments: [("/nonexistent/command", Int32(127)), ("/etc/passwd", 126), ("no-such-command", 127)])
        func `a command that cannot be run gives a shell's codes`(command: String, code: Int32) throws {
            let arguments = GuardProcess.arguments(lifeline: nil, command: bytes(command), arguments: [])
            #expect(try Probe.run(Probe.path, arguments, ["PATH=/usr/bin"]).status == .exited(code: code))
        }

        @Test(arguments: [
            ["launch"], ["launch", "--"], ["launch", "--lifeline-fd", "--", "x"], ["launch", "--lifeline-fd", "x", "--", "true"],
            ["launch", "--lifeline-fd", "77", "--", "true"], ["launch", "--grace-ms", "-1", "--", "true"],
            ["launch", "--unknown", "1", "--", "true"],
        ])
        func `wrong arguments are a usage error`(arguments: [String]) throws {
            #expect(try Probe.run(arguments).status == .exited(code: 64))
        }

        @Test func `a command that ends takes with it the daemon it left behind`() throws {
            let scratch = try Scratch()
            #expect(try self.run(["daemon", scratch.file("pid")]).1 == .exited(code: 0))
            #expect(try Self.ends(daemonPid(scratch.file("pid"))))
        }

        @Test func `SIGTERM is passed on, SIGINT is not, SIGQUIT kills everything`() throws {
            let scratch = try Scratch()
            let null = try Files.null()
            let streams = [null.descriptor, null.descriptor, FileDescriptor.standardError]
            let polite = try Spawn(program: Probe.path, arguments: Self.command(["wait"]), descriptors: streams).start()
            #expect(try polite.pidFD.send(.interrupt))
            #expect(try polite.pidFD.send(.hangup))
            #expect(try polite.pidFD.reap() == nil)
            // The guard may not have started the command yet: and then a signal finds nobody. Send until it ends.
            while try polite.pidFD.reap() == nil {
                try polite.pidFD.send(.terminate)
                sched_yield()
            }
            polite.pidFD.close()

            let stubborn = try Spawn(
                program: Probe.path, arguments: Self.command(["serve-badly", scratch.file("pid")]), descriptors: streams
            ).start()
            let pid = try daemonPid(scratch.file("pid"))
            #expect(try stubborn.pidFD.send(.quit))
            #expect(try reap(stubborn.pidFD) == .killed(.kill, dumpedCore: false))
            #expect(try Self.ends(pid))
        }

        @Test func `the end of the lifeline ends the command, at first politely`() throws {
            let null = try Files.null()
            let (reader, writer) = try DescriptorPair.pipe(nonblocking: false).release()
            let streams = [null.descriptor, null.descriptor, FileDescriptor.standardError, reader]
            let child = try Spawn(program: Probe.path, arguments: Self.command(["wait"], lifeline: 3), descriptors: streams)
                .start()
            reader.close()
            #expect(try child.pidFD.reap() == nil)
            writer.close()
            #expect(try reap(child.pidFD) == .killed(.terminate, dumpedCore: false))
        }

        @Test func `a supervisor killed with SIGKILL leaves nothing behind, not even a daemon deaf to SIGTERM`() throws {
            let scratch = try Scratch()
            let file = scratch.file("pid")
            let (output, sink) = try DescriptorPair.pipe(nonblocking: false).release()
            let null = try Files.null()
            let streams = [null.descriptor, sink, FileDescriptor.standardError]
            let supervisor = try Spawn(program: Probe.path, arguments: [bytes("supervise"), bytes(file)], descriptors: streams)
                .start()
            sink.close()
            defer { output.close() }
            let daemon = try daemonPid(file)
            let watched = try PidFD.open(daemon)
            #expect(kill(daemon, 0) == 0)
            var room = [UInt8](repeating: 0, count: 64)
            var span = room.mutableSpan
            #expect(try output.read(into: &span) == .moved(8), "the server says that it serves")
            let start = SystemClock.now()
            #expect(try supervisor.pidFD.send(.kill))
            #expect(try reap(supervisor.pidFD) == .killed(.kill, dumpedCore: false))
            try waitUntilReadable(watched.descriptor)
            watched.close()
            // The server, the guard and the supervisor all held the writing end of this pipe: its end is the end of them all.
            #expect(try readToEnd(output) == [])
            #expect(SystemClock.now() - start < .seconds(10))
        }
    }
}
