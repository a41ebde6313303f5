#!/usr/bin/env python3
"""The prompt loop, from a pipe and on a terminal that tmux gives.

    test_repl.py PROGRAM            the loop over a fake
    test_repl.py --language SGLRUN  `sglrun repl` without a model
    test_repl.py --real SGLRUN      `sglrun repl` with the default model
"""
import os
import shutil
import subprocess
import sys
import tempfile
import time

FAILED = []


def check(name, ok, what=""):
    if not ok:
        FAILED.append(name)
        print("FAILED", name, repr(what))


class Terminal:
    def __init__(self, command):
        self.socket = os.path.join(tempfile.mkdtemp(), "tmux")
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", "100", "-y", "40",
                  command + "; echo LEFT $?; sleep 60")

    def tmux(self, *args):
        return subprocess.run(["tmux", "-S", self.socket, *args], stdout=subprocess.PIPE,
                              check=False).stdout.decode()

    def screen(self):
        return self.tmux("capture-pane", "-p", "-S", "-500")

    def keys(self, *keys):
        self.tmux("send-keys", *keys)

    def line(self, text):
        self.tmux("send-keys", "-l", text)
        self.keys("Enter")

    def wait(self, text, seconds=20):
        end = time.time() + seconds
        while time.time() < end:
            s = self.screen()
            if text in s:
                return s
            time.sleep(0.05)
        return None

    def wait_count(self, text, n, seconds=20):
        end = time.time() + seconds
        while time.time() < end:
            if self.screen().count(text) >= n:
                return True
            time.sleep(0.05)
        return False

    def close(self):
        self.tmux("kill-server")
        shutil.rmtree(os.path.dirname(self.socket), ignore_errors=True)


def piped(program, text):
    p = subprocess.run(program, input=text.encode(), stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, timeout=120, check=False)
    return p.returncode, p.stdout.decode(), p.stderr.decode()


def test_pipe(program):
    rc, out, err = piped([program], "hello\nsay a b c\n\n:tokens\nf {\n}\n:prompt\n:quit\nnever\n")
    check("pipe", rc == 0 and out == '"hello" : str\na b c\n16\n"f {\n}" : str\n'
          "hello\nsay a b c\nf {\n}\n", (rc, out, err))
    rc, out, err = piped([program], "fail\nhello\n")
    check("pipe goes on after a failure", rc == 1 and '"hello" : str' in out and
          "it failed" in err, (rc, out, err))
    rc, out, err = piped([program], "f {\n")
    check("pipe ends early", rc == 1 and "ends inside" in err, (rc, out, err))
    rc, out, err = piped([program], ":nope\n:type\n:set\n:set bad 1\n:model x\n:load /nope\n:undo\n"
                          ":fork\n:fork a b\n:fork main\n:switch nope\n:switch\n:save /no/such/file\n")
    check("commands refuse", rc == 1 and err.count("\n") == 13 and ":nope" in err and
          ":fork NAME" in err and "context main already" in err and "no context nope" in err and "unknown setting bad=1" in err, (rc, out, err))
    with tempfile.TemporaryDirectory() as d:
        f = os.path.join(d, "saved.sgl")
        rc, out, _ = piped([program], "one\ntwo\n:undo\n:set temp 0.5\n:set temp=1\n:seed 3\n:save %s\n"
                           ":reset\n:tokens\n:load %s\n:prompt\n" % (f, f))
        check("save and load", rc == 0 and open(f).read() == "one\n" and "\n0\n" in out and
              out.endswith("one\n\n"), out)
    rc, out, err = piped([program], ":type a b\none\n:fork left\ntwo\n:switch main\n:fork right\n:prompt\n"
                          ":switch left\n:prompt\n:tree\n:cost\n")
    check("places", rc == 0 and not err and out == 'type of a b\n"one" : str\n"two" : str\none\none\ntwo\n'
          "  main  1 entries, 4 tokens\n  * left  2 entries, 8 tokens, forked after 1\n"
          "    right  1 entries, 4 tokens, forked after 1\n"
          "2 entries, 0 calls: 0 tokens of prompt (0 cached), 0 generated (0 forced), 0 ms\n", (out, err))
    rc, out, _ = piped([program], "ask\nBob\n")
    check("input", rc == 0 and '"Bob" : str' in out, out)
    rc, out, _ = piped([program], ":help\n")
    check("help", rc == 0 and ":prompt" in out and ":quit" in out, out)


def test_terminal(program):
    t = Terminal(program)
    check("prompt", t.wait("sgl>"), t.screen())
    t.line("hello w\u00f6rld")
    check("value", t.wait('"hello w\u00f6rld" : str'), t.screen())
    t.line("f {")
    check("continuation", t.wait("...>"), t.screen())
    t.line("}")
    check("joined", t.wait('}" : str'), t.screen())
    t.line("say slow one two three four five six seven eight nine ten")
    check("streams", t.wait("\nslow one"), t.screen())
    t.keys("C-c")
    check("interrupted", t.wait("interrupted", 5), t.screen())
    t.line(":prompt")
    time.sleep(0.3)
    check("the context is kept", "hello w\u00f6rld\nf {" in t.screen(), t.screen())
    t.line("after")
    check("goes on", t.wait('"after" : str'), t.screen())
    t.keys("Up")
    t.keys("Enter")
    check("history", t.wait_count('"after" : str', 2), t.screen())
    t.tmux("send-keys", "-l", "alp")
    t.keys("Tab")
    check("completion lists", t.wait("alpha  alpine"), t.screen())
    t.keys("C-c")
    t.tmux("send-keys", "-l", "be")
    t.keys("Tab")
    t.keys("Enter")
    check("completion", t.wait('"beta_long" : str'), t.screen())
    t.tmux("send-keys", "-l", ":swi")
    t.keys("Tab")
    t.tmux("send-keys", "-l", " main")
    t.keys("Enter")
    time.sleep(0.2)
    check("commands are completed", ":switch main" in t.screen() and "no command" not in t.screen(), t.screen())
    t.line("ask")
    check("asks", t.wait("name?"), t.screen())
    t.line("Ann")
    check("answers", t.wait('"Ann" : str'), t.screen())
    t.tmux("send-keys", "-l", "half a line")
    t.keys("C-c")
    time.sleep(0.2)
    check("stays after Ctrl-C in a line", "LEFT" not in t.screen(), t.screen())
    t.keys("C-c")
    check("first Ctrl-C warns", t.wait("Ctrl-C again"), t.screen())
    t.line("still")
    check("warning is forgotten", t.wait('"still" : str'), t.screen())
    t.keys("C-c")
    time.sleep(0.2)
    t.keys("C-c")
    check("second Ctrl-C leaves", t.wait("LEFT 0"), t.screen())
    t.close()
    t = Terminal(program)
    t.wait("sgl>")
    t.keys("C-d")
    check("Ctrl-D leaves", t.wait("LEFT 0"), t.screen())
    t.close()


def test_language(sglrun):
    """The loop over the language, without a model."""
    repl = [sglrun, "repl", "--no-model"]
    rc, out, err = piped(repl, "1 + 2\nit * 2\nlet x = [1, 2]\n:type x.map(|a| a + 0.5)\n:type user \"x\"\n"
                         "fn f(a: int) -> int {\n    a + 1\n}\nf(x.len())\n:tokens\n")
    check("values", rc == 0 and not err and out == "3 : int\n6 : int\n[float]\nnull\n3 : int\n0\n", (out, err))
    rc, out, err = piped(repl, "let x = 1\nlet z = fail(\"boo\")\nx\nz\n")
    check("a failed entry binds nothing", rc == 1 and out == "1 : int\n" and "R0301" in err
          and "unknown name `z`" in err, (out, err))
    rc, out, err = piped(repl, "let x = 1\n:fork b\nlet x = 2\nlet y = 3\nx + y\n:switch main\nx\ny\n")
    check("names of a fork", out == "5 : int\n1 : int\n" and "unknown name `y`" in err, (out, err))
    rc, out, err = piped(repl, 'user "one"\n:fork b\nuser "two"\n:switch main\nuser "three"\n:prompt\n'
                         ":switch b\n:prompt\n:undo\n:prompt\n:tree\n")
    check("contexts of a fork", rc == 0 and out == "[user] one\n[user] three\n[user] one\n[user] two\n[user] one\n"
          "  main  2 entries, 0 tokens\n  * b  1 entries, 0 tokens, forked after 1\n", (out, err))
    rc, out, err = piped(repl, "let x = 1\nlet x = x + 1\nfn g() -> int { 1 }\n:undo\n:undo\nx\ng()\n")
    check("undo takes names back", out == "1 : int\n" and "unknown name `g`" in err, (out, err))
    with tempfile.TemporaryDirectory() as d:
        f = os.path.join(d, "saved.sgl")
        rc, out, err = piped(repl, "1 + 2\n\"${it}!\".len()\nit * 2\nfail(\"no\")\nlet it2 = it\n"
                             "struct P {\n    it: int\n}\nP(it: 4).it\n|a| a\nuser \"Hi\"\n:save %s\n" % f)
        text = open(f).read()
        p = subprocess.run([sglrun, f], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        check("a saved session runs", p.returncode == 0 and p.stdout == b"3\n2\n4\n4\n" and "fail" not in text,
              (text, p.stdout, p.stderr))
    with tempfile.TemporaryDirectory() as d:
        os.mkdir(os.path.join(d, "sub"))
        for name, text in (("main.sgl", 'import sub.one\nconst rows: [int] = data("rows.json")\n'),
                           ("rows.json", "[1, 2]"), ("sub/two.sgl", "fn two() -> int { 2 }\n"),
                           ("sub/one.sgl", "import two\nfn both() -> int { two.two() + 1 }\n")):
            open(os.path.join(d, name), "w").write(text)
        rc, out, err = piped(repl, ":load %s/main.sgl\nrows\none.both()\n:fork b\nrows.len()\n" % d)
        check("files beside a loaded one", rc == 0 and out == "[1, 2] : [int]\n3 : int\n2 : int\n", (out, err))
    rc, out, err = piped(repl, "let unused = 1\nif true { let b = 3 }\n")
    check("no warnings", rc == 0 and not err, err)
    rc, out, err = piped(repl, "gen(max: 3)\n")
    check("no model", rc == 1 and "R0103" in err, err)
    t = Terminal(sglrun + " repl --no-model")
    t.wait("sgl>", 60)
    t.line("let umbrella = 4")
    t.line("fn upside(parameter: int) -> int {")
    t.wait("...>")
    t.tmux("send-keys", "-l", "param")
    t.keys("Tab")
    t.line(" + umb")
    t.line("}")
    check("an error in an entry", t.wait("unknown name `umb`"), t.screen())
    t.tmux("send-keys", "-l", "umb")
    t.keys("Tab")
    t.keys("Enter")
    check("names are completed", t.wait("4 : int"), t.screen())
    t.tmux("send-keys", "-l", "[1].revers")
    t.keys("Tab")
    t.line("()")
    check("members are completed", t.wait("[1] : [int]"), t.screen())
    t.tmux("send-keys", "-l", ":type umbr")
    t.keys("Tab")
    t.keys("Enter")
    check("behind a command too", t.wait("\nint"), t.screen())
    t.close()


def test_real(sglrun):
    rc, out, err = piped([sglrun, "repl"], "1 + 2\nprint(it)\n")
    if "R0103" in err:
        print(err)
        sys.exit(77)
    check("pipe", rc == 0 and out == "3 : int\n3\n", (rc, out, err))
    t = Terminal(sglrun + " repl --seed 1")
    check("prompt", t.wait("sgl>", 60), t.screen())
    t.line("1 + 2")
    check("value", t.wait("3 : int", 30), t.screen())
    t.line("it * 2")
    check("it", t.wait("6 : int", 30), t.screen())
    t.line('let x = [1, 2]')
    t.line("x")
    check("names stay", t.wait("[1, 2] : ", 30), t.screen())
    t.line("fn f(a: int) -> int {")
    check("continuation", t.wait("...>"), t.screen())
    t.line("a + 1 }")
    t.line("f(41)")
    check("functions stay", t.wait("42 : int", 30), t.screen())
    t.line('user "Count from one to five hundred, in words."')
    t.line("let long = gen(max: 3000, min: 2900)")
    time.sleep(1)
    t.keys("C-c")
    check("Ctrl-C cancels", t.wait("interrupted", 20), t.screen())
    t.line(":tokens")
    t.line("1 + 1")
    check("the session lives on", t.wait("2 : int", 30), t.screen())
    t.line(":prompt")
    check("the context is kept", t.wait("five hundred, in words.", 20), t.screen())
    t.line('user "Say hi."')
    t.line("gen(max: 5)")
    check("generates again", t.wait(" : str", 60), t.screen())
    t.line("let = 3")
    check("an error is shown", t.wait("error[", 20), t.screen())
    t.line(":undo")
    t.line(":quit")
    check("leaves", t.wait("LEFT 0", 20), t.screen())
    t.close()


def main():
    if not shutil.which("tmux"):
        print("no tmux")
        sys.exit(77)
    if sys.argv[1] == "--real":
        test_real(sys.argv[2])
    elif sys.argv[1] == "--language":
        test_language(sys.argv[2])
    else:
        test_pipe(sys.argv[1])
        test_terminal(sys.argv[1])
    print("repl: %s" % ("ok" if not FAILED else "%d failed" % len(FAILED)))
    sys.exit(1 if FAILED else 0)


if __name__ == "__main__":
    main()
