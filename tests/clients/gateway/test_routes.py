"""Which route a request takes; and the tour."""

OPEN = '[[route]]\npath = "{}"\nrequire = "nothing"\nupstream = "api"\n'
KEY = '[[route]]\npath = "{}"\nrequire = "api-key"\nupstream = "api"\n'
POST = '[[route]]\nmethods = ["POST"]\npath = "{}"\nrequire = "api-key"\nupstream = "api"\n'


def test_the_most_specific_route_wins_whatever_the_order(start):
    routes = [
        OPEN.format("/{*rest}"),
        KEY.format("/a/{*rest}"),
        OPEN.format("/a/{id}"),
        KEY.format("/a/b"),
        POST.format("/c"),
    ]
    expected = {
        ("GET", "/x"): 200,
        ("GET", "/a/x/y"): 401,
        ("GET", "/a/x"): 200,
        ("GET", "/a/b"): 401,
        ("GET", "/c"): 200,
        ("POST", "/c"): 401,
        ("HEAD", "/a/b"): 401,
        ("GET", "/a"): 401,
        ("GET", "/a/b/"): 401,
    }
    for order in (routes, routes[::-1]):
        server = start("".join(order))
        found = {(method, path): server.send(method, path).status for method, path in expected}
        assert found == expected


def test_no_spelling_of_a_path_slips_past_its_route(start):
    server = start(OPEN.format("/{*rest}") + KEY.format("/admin/{*rest}"))
    for path in (
        "/admin",
        "/admin/",
        "/admin/x",
        "/%61dmin/x",
        "/%61%64%6D%69%6e",
        "/admin/%2e",
        "/admin/x?y",
        "/admin;x/../admin",
        "//admin/x",
        "/./admin/x",
        "/x/../admin/x",
        "/admin/../admin/x",
        "/%2fadmin/x",
        "/x/%2e%2e/admin/x",
        "\\admin\\x",
    ):
        assert server.send("GET", path).status in (400, 401), path


def test_two_routes_that_tie_are_a_mistake(make_home):
    home = make_home(KEY.format("/a/{x}") + OPEN.format("/a/{y}"))
    done = home.run("check")
    assert done.returncode == 1 and "same paths" in done.stdout + done.stderr


def test_the_tour_runs_to_its_end_and_leaves_nothing_behind(make_home):
    home = make_home(OPEN.format("/"))
    before = sorted(path.name for path in home.folder.iterdir())
    done = home.run("demo", "--exit")
    assert done.returncode == 0, done.stdout + done.stderr
    for system in ("Realm", "PitchPrint", "RE:DREAMER"):
        assert system in done.stdout
    assert sorted(path.name for path in home.folder.iterdir()) == before
