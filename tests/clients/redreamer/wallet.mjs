import { privateKeyToAccount } from "viem/accounts";

const account = privateKeyToAccount(request.key);
const answers = {
  address: () => account.address,
  sign: () => account.signMessage({ message: request.text }),
};
console.log(JSON.stringify(await answers[request.do]()));
