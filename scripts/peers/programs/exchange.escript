#!/usr/bin/env escript
%% Either end of the exchange, over mutual TLS.
%% escript exchange.escript client PORT CA MESSAGE [CERT KEY]
%% escript exchange.escript server PORT CA CERT KEY

main([Role, Port | Rest]) ->
    {ok, _} = application:ensure_all_started(ssl),
    case Role of
        "client" -> send(list_to_integer(Port), Rest);
        "server" -> listen(list_to_integer(Port), Rest)
    end.

send(Port, [CA, Message | Identity]) ->
    Options = [{server_name_indication, "localhost"} | options(CA, Identity)],
    case ssl:connect({127, 0, 0, 1}, Port, Options) of
        {ok, Socket} -> ask(Socket, Message);
        {error, Reason} -> fail(Reason)
    end.

%% In TLS 1.3 it is only here that a refusal shows.
ask(Socket, Message) ->
    ok = ssl:send(Socket, Message),
    case ssl:recv(Socket, 0) of
        {ok, Answer} -> io:format("Received ~s~n", [Answer]);
        {error, Reason} -> fail(Reason)
    end,
    {error, closed} = ssl:recv(Socket, 0).

fail(Reason) ->
    io:format("~0p~n", [Reason]),
    halt(1).

listen(Port, [CA | Identity]) ->
    Options = [{ip, {127, 0, 0, 1}}, {reuseaddr, true}, {fail_if_no_peer_cert, true} | options(CA, Identity)],
    {ok, Listener} = ssl:listen(Port, Options),
    io:format("Listening~n"),
    serve(Listener).

serve(Listener) ->
    {ok, Accepted} = ssl:transport_accept(Listener),
    case ssl:handshake(Accepted) of
        {ok, Socket} -> answer(Socket);
        {error, Reason} -> io:format("~0p~n", [Reason])
    end,
    serve(Listener).

answer(Socket) ->
    {ok, Der} = ssl:peercert(Socket),
    io:format("Client ~s~n", [common_name(Der)]),
    {ok, Message} = ssl:recv(Socket, 0),
    io:format("Received ~s~n", [Message]),
    ok = ssl:send(Socket, "Hello world!"),
    ssl:close(Socket).

%% The common name is 2.5.4.3, a string that the decoder has tagged.
common_name(Der) ->
    Certificate = public_key:pkix_decode_cert(Der, otp),
    {rdnSequence, Names} = element(7, element(2, Certificate)),
    [Name] = [Value || [{'AttributeTypeAndValue', {2, 5, 4, 3}, {_, Value}}] <- Names],
    Name.

options(CA, Identity) ->
    identity(Identity) ++ [binary, {active, false}, {verify, verify_peer}, {cacertfile, CA}, {log_level, none}].

identity([]) -> [];
identity([Cert, Key]) -> [{certfile, Cert}, {keyfile, Key}].
